// Package vault keeps secrets in the KV engine (version 2) of HashiCorp Vault or
// OpenBao, one path a secret: {mount}/data/{prefix}/{tenant}/{key}. A prefix is that of one
// installation, whose id stands at {mount}/data/{prefix}/installation.
package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// roomForVersions is how many versions a path may have before its limit is
// raised; Vault's own is ten, and it drops the oldest without asking.
const roomForVersions = 64

var safePath = regexp.MustCompile(`\A[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*\z`)

// Settings say where in the store the secrets are.
type Settings struct {
	Mount  string `env:"ENTRASYNC_VAULT_MOUNT" envDefault:"secret"`     // of a KV engine of version 2
	Prefix string `env:"ENTRASYNC_VAULT_PREFIX" envDefault:"entrasync"` // of all paths in it
}

// Store keeps an installation's secrets in Vault.
type Store struct {
	*Health
	Settings

	session      *vault.Client
	owner        Owner
	installation atomic.Pointer[string] // its id, once known
}

// New makes a store. It fails when a path of the settings is none.
func New(session *vault.Client, s Settings, owner Owner, now func() time.Time) (*Store, error) {
	if !safePath.MatchString(s.Mount) || !safePath.MatchString(s.Prefix) {
		return nil, errors.New("ENTRASYNC_VAULT_MOUNT and ENTRASYNC_VAULT_PREFIX are paths of letters, digits, _ and -")
	}
	return &Store{Health: newHealth(now), session: session, Settings: s, owner: owner}, nil
}

// folder is the address of the context's tenant in one part of the engine ("data",
// "metadata", "destroy").
func (s *Store) folder(ctx context.Context, part string) (string, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return "", err
	}
	if _, err := tenant.Parse(id.String()); err != nil { // it becomes a part of the address
		return "", err
	}
	return s.Mount + "/" + part + "/" + s.Prefix + "/" + id.String(), nil
}

// path is the address of a secret in one part of the engine.
func (s *Store) path(ctx context.Context, part, key string) (string, error) {
	folder, err := s.folder(ctx, part)
	if err != nil {
		return "", err
	}
	if err := connection.CheckSecretKey(key); err != nil {
		return "", err
	}
	return folder + "/" + key, nil
}

// metadata is what Vault says about a path's versions.
type metadata struct {
	Current     int                `json:"current_version"`
	MaxVersions int                `json:"max_versions"` // zero: the mount's
	Versions    map[string]version `json:"versions"`
}

type version struct {
	CreatedTime  time.Time `json:"created_time"`
	DeletionTime string    `json:"deletion_time"` // empty: not deleted
	Destroyed    bool      `json:"destroyed"`
}

// oldest is the lowest number of a version that can be read; zero when there is
// none.
func (m metadata) oldest() (number int) {
	for name, v := range m.Versions {
		n, err := strconv.Atoi(name)
		if err == nil && !v.Destroyed && (number == 0 || n < number) {
			number = n
		}
	}
	return number
}

// content is a version's data. The name of a version has the id in it, because
// numbers start again where a path was deleted whole.
type content struct {
	ID    string `json:"id"`
	Value string `json:"value"` // base64: JSON would change what is not UTF-8
}

// name is how the rest of the service calls a version.
func name(number int, id string) string { return strconv.Itoa(number) + "." + id }

func parseName(name string) (number int, id string, ok bool) {
	first, id, found := strings.Cut(name, ".")
	number, err := strconv.Atoi(first)
	return number, id, found && err == nil && number > 0
}

// PutSecret writes the next version, by check-and-set: errs.Conflict when
// somebody wrote since the number was read.
func (s *Store) PutSecret(ctx context.Context, key string, plain connection.Secret) (string, error) {
	if err := connection.CheckSecret(key, plain); err != nil {
		return "", err
	}
	path, err := s.path(ctx, "data", key)
	if err != nil {
		return "", err
	}
	if err := s.own(ctx); err != nil {
		return "", err
	}
	version, err := s.put(ctx, path, key, plain)
	s.record(ctx, opWrite, path, err)
	return version, err
}

// put writes the next version to an engine that was looked at.
func (s *Store) put(ctx context.Context, path, key string, plain connection.Secret) (string, error) {
	held, err := s.metadata(ctx, key)
	if err != nil {
		return "", err
	}
	if err := s.makeRoom(ctx, key, held); err != nil {
		return "", err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("naming a version: %w", err)
	}
	written, err := s.write(ctx, path, held.Current, content{
		ID: id.String(), Value: base64.StdEncoding.EncodeToString([]byte(plain.Reveal())),
	})
	switch {
	case err != nil:
		return "", err
	case written.Version <= 0:
		return "", s.removeWritten(ctx, path, id.String())
	case written.DeletionTime != "":
		return "", vault.Misconfigured(nil, "it deletes versions by itself; set delete_version_after of the mount to 0s")
	}
	return name(written.Version, id.String()), nil
}

// written is what an engine of version 2 answers to a write; one of version 1 answers
// with nothing.
type written struct {
	Version      int    `json:"version"`
	DeletionTime string `json:"deletion_time"`
}

// write makes the version after one that is known, by check-and-set.
func (s *Store) write(ctx context.Context, path string, current int, data any) (made written, err error) {
	err = s.session.Write(ctx, path, map[string]any{"options": map[string]int{"cas": current}, "data": data}, &made)
	return made, err
}

// makeRoom raises the limit of versions where the next write would drop one that
// can be read: a row may point to it.
func (s *Store) makeRoom(ctx context.Context, key string, held metadata) error {
	oldest := held.oldest()
	if oldest == 0 {
		return nil
	}
	needed := held.Current + 2 - oldest
	if held.MaxVersions >= needed {
		return nil
	}
	path, err := s.path(ctx, "metadata", key)
	if err != nil {
		return err
	}
	return s.session.Write(ctx, path, map[string]int{"max_versions": max(roomForVersions, 2*needed)}, nil)
}

// metadata of a path that is not there has no version.
func (s *Store) metadata(ctx context.Context, key string) (held metadata, err error) {
	path, err := s.path(ctx, "metadata", key)
	if err != nil {
		return metadata{}, err
	}
	err = s.session.Read(ctx, path, nil, &held)
	if errs.KindOf(err) == errs.NotFound {
		return metadata{}, nil
	}
	return held, err
}

// GetSecret reads a version. What was deleted or destroyed is not there.
func (s *Store) GetSecret(ctx context.Context, key, wanted string) (connection.Secret, error) {
	path, err := s.path(ctx, "data", key)
	if err != nil {
		return "", err
	}
	plain, err := s.get(ctx, path, wanted)
	if errs.KindOf(err) == errs.NotFound {
		if wrong := s.Check(ctx); wrong != nil { // the engine is not there, rather than the secret
			return "", wrong
		}
	}
	s.record(ctx, opRead, path, err)
	return plain, err
}

func (s *Store) get(ctx context.Context, path, wanted string) (connection.Secret, error) {
	missing := errs.Of(vault.ReasonNotThere)
	number, id, ok := parseName(wanted)
	if !ok {
		return "", missing
	}
	var answer struct{ Data *content }
	err := s.session.Read(ctx, path, url.Values{"version": {strconv.Itoa(number)}}, &answer)
	if err != nil {
		return "", err
	}
	if answer.Data == nil || answer.Data.ID != id {
		return "", missing
	}
	plain, err := base64.StdEncoding.DecodeString(answer.Data.Value)
	if err != nil {
		return "", errors.New("a stored secret cannot be read") // the cause may quote it
	}
	return connection.Secret(plain), nil
}

// DeleteSecret removes every version of a key with its metadata.
func (s *Store) DeleteSecret(ctx context.Context, key string) error {
	path, err := s.path(ctx, "metadata", key)
	if err != nil {
		return err
	}
	if err := s.own(ctx); err != nil {
		return err
	}
	err = s.session.Delete(ctx, path)
	s.record(ctx, opDelete, path, err)
	return err
}

// SecretTenants lists tenants that have something in the store.
func (s *Store) SecretTenants(ctx context.Context) ([]string, error) {
	if err := s.own(ctx); err != nil {
		return nil, err
	}
	tenants, err := s.tenants(ctx)
	s.record(ctx, opSweep, s.Mount+"/metadata/"+s.Prefix, err)
	return tenants, err
}

func (s *Store) tenants(ctx context.Context) (tenants []string, err error) {
	names, err := s.session.List(ctx, s.Mount+"/metadata/"+s.Prefix)
	for _, name := range names {
		id, folder := strings.CutSuffix(name, "/")
		if folder && tenant.ID(id).Valid() {
			tenants = append(tenants, id)
		}
	}
	return tenants, err
}

// SweepSecrets destroys the tenant's versions made before a time, but for those
// in use; a path in which none is left goes whole. No version may be on its way
// to being used meanwhile.
func (s *Store) SweepSecrets(ctx context.Context, used map[string]string, before time.Time) error {
	if err := s.own(ctx); err != nil {
		return err
	}
	path, err := s.folder(ctx, "metadata")
	if err != nil {
		return err
	}
	err = s.sweepTenant(ctx, path, used, before)
	s.record(ctx, opSweep, path, err)
	return err
}

func (s *Store) sweepTenant(ctx context.Context, path string, used map[string]string, before time.Time) error {
	keys, err := s.session.List(ctx, path)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if connection.CheckSecretKey(key) != nil {
			continue // not ours
		}
		if err := s.sweep(ctx, key, used[key], before); err != nil {
			return fmt.Errorf("sweeping %s: %w", key, err)
		}
	}
	return nil
}

func (s *Store) sweep(ctx context.Context, key, used string, before time.Time) error {
	held, err := s.metadata(ctx, key)
	if err != nil {
		return err
	}
	inUse, _, _ := parseName(used)
	var dead []int
	alive := false
	for name, v := range held.Versions {
		number, err := strconv.Atoi(name)
		switch {
		case err != nil || v.Destroyed:
		case number == inUse || !v.CreatedTime.Before(before):
			alive = true
		default:
			dead = append(dead, number)
		}
	}
	if !alive && used == "" && held.Current > 0 {
		return s.DeleteSecret(ctx, key)
	}
	if len(dead) == 0 {
		return nil
	}
	slices.Sort(dead)
	path, err := s.path(ctx, "destroy", key)
	if err != nil {
		return err
	}
	return s.session.Write(ctx, path, map[string][]int{"versions": dead}, nil)
}
