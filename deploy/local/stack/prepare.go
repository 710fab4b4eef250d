package stack

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	masterkey "github.com/entrasync/entrasync/pkg/secrets"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/ca"
	"github.com/entrasync/entrasync/deploy/local/internal/postgres"
	"github.com/entrasync/entrasync/deploy/local/internal/temporal"
)

// database is the name of the database that the stack makes for itself.
const database = "entrasync"

// temporalNamespace is where our workflows run.
const temporalNamespace = "entrasync"

// secrets are made once and kept beside the data they open.
type secrets struct {
	superuser, temporal string
	// roles holds the password of each runtime role, rolesFile the same as JSON.
	roles          map[string]string
	rolesFile      string
	platformKey    string
	masterKeyFile  string // of the tokens
	gatewayKeyFile string // of the gateway's stored answers
}

// prepare makes what must exist before the first process starts.
func (s *Stack) prepare(ctx context.Context) error {
	w := s.layout
	for _, dir := range []string{w.Logs(), w.Run(), w.Secrets(), w.TLS()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	// Others than the database keep files here too. PostgreSQL may run as another user, who must
	// get through.
	if err := os.MkdirAll(w.Data(), 0o755); err != nil {
		return err
	}
	var err error
	if s.secrets, err = ensureSecrets(w, s.options); err != nil {
		return fmt.Errorf("making the secrets: %w", err)
	}
	if err := ca.Ensure(w.TLS(), callers(), time.Now()); err != nil {
		return err
	}
	if err := ca.Ensure(w.TemporalTLS(), temporal.Parties(), time.Now()); err != nil {
		return err
	}
	if err := s.prepareDatabase(ctx); err != nil {
		return err
	}
	if err := s.ensureSealedKey(ctx); err != nil {
		return err
	}
	s.temporal = temporal.Server{
		Bin: w.TemporalBin(), Dir: filepath.Join(w.Run(), "temporal"), Ports: s.options.Ports,
		AdminURL: s.adminURL, Password: s.secrets.temporal, Namespace: temporalNamespace,
		TLS: w.TemporalTLS(), Writable: s.options.TemporalUIWritable,
	}
	return s.temporal.WriteConfig()
}

func (s *Stack) prepareDatabase(ctx context.Context) error {
	if !s.options.OwnDatabase() {
		s.adminURL = s.options.DatabaseURL
		return nil
	}
	account, err := postgres.Account()
	if err != nil {
		return err
	}
	binaries, err := postgres.Find(ctx, NPMDir(s.layout))
	if err != nil {
		return err
	}
	s.cluster = &postgres.Cluster{
		Binaries: binaries,
		Data:     postgres.Place(account, filepath.Join(s.layout.Data(), "postgres"), filepath.Join(s.layout.Shared(), "postgres")),
		Port:     s.options.Ports.PostgreSQL,
		Password: s.secrets.superuser,
		Volatile: s.options.Volatile || s.temporary,
		Account:  account,
	}
	s.adminURL = s.cluster.URL(database)
	return s.cluster.Init(ctx)
}

// NPMDir is where the npm build of PostgreSQL goes, so that the account that
// the server runs as can reach it.
func NPMDir(where layout.Layout) string {
	account, err := postgres.Account()
	if err != nil {
		return where.NPM()
	}
	return postgres.Place(account, where.NPM(), filepath.Join(layout.Default(where.Root).Shared(), "npm"))
}

func ensureSecrets(w layout.Layout, o Options) (secrets, error) {
	s := secrets{
		platformKey:    o.PlatformKey,
		masterKeyFile:  filepath.Join(w.Secrets(), "master-key.json"),
		gatewayKeyFile: filepath.Join(w.Secrets(), "gateway-key.json"),
		rolesFile:      filepath.Join(w.Secrets(), "database-roles.json"),
	}
	var failed []error
	ensure := func(path string) string {
		secret, err := ensureSecret(path)
		failed = append(failed, err)
		return secret
	}
	s.superuser = ensure(filepath.Join(w.Secrets(), "postgres-password"))
	s.temporal = ensure(filepath.Join(w.Secrets(), "temporal-password"))
	roles, err := ensureRoles(s.rolesFile)
	s.roles = roles
	failed = append(failed, err)
	if s.platformKey == "" {
		s.platformKey = ensure(w.PlatformKey())
	}
	for _, file := range []string{s.masterKeyFile, s.gatewayKeyFile} {
		if _, err := masterkey.NewKeyFile(file); err != nil {
			failed = append(failed, fmt.Errorf("making %s: %w", filepath.Base(file), err))
		}
	}
	if o.MasterKeyKMSURI != "" {
		s.masterKeyFile = filepath.Join(w.Secrets(), "master-key-kms.json") // see ensureSealedKey
	}
	return s, errors.Join(failed...)
}

// ensureSealedKey makes the master key that a KMS encrypts, where one is wanted and not there yet.
// The connection service itself does it, since it knows how to sign in to the KMS.
func (s *Stack) ensureSealedKey(ctx context.Context) error {
	if s.options.MasterKeyKMSURI == "" || slices.Contains(s.options.Without, "connection") {
		return nil
	}
	if _, err := os.Stat(s.secrets.masterKeyFile); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	env, err := s.environ(services[slices.IndexFunc(services, func(svc service) bool { return svc.name == "connection" })], s.options.Ports)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.layout.Bin(), "connection"), "keys", "create")
	cmd.Env = env
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making the master key with ENTRASYNC_MASTER_KEY_KMS_URI: %w: %s", err, bytes.TrimSpace(said))
	}
	return nil
}

// ensureSecret reads a secret, or makes one of 128 random bits, in letters and digits
// that need no quoting anywhere.
func ensureSecret(path string) (string, error) {
	secret, err := readSecret(path)
	if !errors.Is(err, os.ErrNotExist) {
		return secret, err
	}
	secret = rand.Text()
	return secret, writeSecret(path, []byte(secret+"\n"))
}

// writeSecret writes all of a file or nothing, should the machine stop here.
func writeSecret(path string, content []byte) error {
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// roleOf is the runtime role of a context.
func roleOf(context string) string { return "entrasync_" + context }

// ensureRoles reads the passwords of the runtime roles, and makes those that
// are missing. The migrator reads the same file.
func ensureRoles(path string) (map[string]string, error) {
	roles := map[string]string{}
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &roles)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	for _, context := range contexts {
		if roles[roleOf(context)] == "" {
			roles[roleOf(context)] = rand.Text()
		}
	}
	if b, err = json.MarshalIndent(roles, "", "  "); err != nil {
		return nil, err
	}
	return roles, writeSecret(path, b)
}

func readSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(b))
	if secret == "" {
		return "", fmt.Errorf("%s is empty: delete it, or run make reset", path)
	}
	return secret, nil
}

// roleURL is the connection string of one context's runtime role.
func (s *Stack) roleURL(context string) (string, error) {
	u, err := url.Parse(s.adminURL)
	if err != nil {
		return "", errors.New("DATABASE_URL is not a URL such as postgres://user:password@host/database")
	}
	u.User = url.UserPassword(roleOf(context), s.secrets.roles[roleOf(context)])
	return u.String(), nil
}
