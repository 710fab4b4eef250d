// Package stack starts the whole system on one machine: PostgreSQL, Temporal
// and its UI, the Microsoft simulator, the identity issuer, the services, the
// worker and the gateway, each when what it needs is ready.
package stack

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/ports"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/pkg/scratch"
)

// Ports holds one port for each listener.
type Ports = ports.Set

// Options says what a stack is like. The zero value is a stack for a test: on
// random ports, with its data in a temporary folder that Stop deletes.
type Options struct {
	// Root is the checkout, found from the working directory when empty.
	Root string
	// State is the folder for data, logs and secrets. Empty makes a temporary
	// one.
	State string
	// Ports are random free ones when zero.
	Ports Ports
	// Volatile does without fsync. Data survives kill -9 of any process, not a
	// power cut.
	Volatile bool

	// DatabaseURL is an administrator's connection string to a PostgreSQL of
	// one's own, instead of one that the stack starts.
	DatabaseURL string
	// MicrosoftLoginURL, MicrosoftGraphURL and MicrosoftPartnerURL lead to
	// another directory than the simulator, which then is not started.
	MicrosoftLoginURL, MicrosoftGraphURL, MicrosoftPartnerURL string
	// MicrosoftClient is the app registration there, as NAME=value pairs.
	MicrosoftClient []string
	// AuthIssuer and AuthAudience name another issuer of users' tokens than the
	// local one, which then is not started.
	AuthIssuer, AuthAudience string
	// PlatformKey is made once when empty.
	PlatformKey string
	// MasterKeyKMSURI names the key of a KMS that encrypts the master key's file; without it the
	// file holds the master key in clear text.
	MasterKeyKMSURI string
	// TemporalUIWritable lets people start, signal, cancel and terminate workflows in the
	// Temporal UI, which else only shows them.
	TemporalUIWritable bool

	// Console builds the console into the gateway, which else has none.
	Console bool
	// Fleet is the size of the simulator's: "small" when empty, "tiny", "wide"
	// (2,000 customers), "many" (200), "large", "one-large" or "one-huge".
	Fleet string
	// Seed makes the fleet another one of that size; zero counts as 1.
	Seed uint64
	// Edition is "enterprise" when empty, or "community".
	Edition string
	// Without names processes that are left out, for who runs one in a
	// debugger on its usual port.
	Without []string
	// Twice names services that run as two replicas; callers go to them in turn.
	Twice []string
	// SecondPorts are those of second replicas, random free ones when zero.
	SecondPorts Ports
	// Programs are the paths of other programs than the checkout's own, by service:
	// those of another version.
	Programs map[string]string
	// Env adds NAME=value pairs to one process's environment.
	Env map[string][]string
	// Inherit is passed on to every service: proxies, OpenTelemetry.
	Inherit []string
}

// inherited are the names, or beginnings of names, that FromEnv passes on.
var inherited = []string{
	"OTEL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ",
	"ENTRASYNC_LOG_LEVEL", "ENTRASYNC_LOG_FORMAT", "ENTRASYNC_RETURN_TO_ALLOWED", "ENTRASYNC_AUTH_TENANT_CLAIM",
	"ENTRASYNC_AUTH_USER_TYPE_CLAIM", "ENTRASYNC_AUTH_PERMISSIONS_CLAIM", "ENTRASYNC_RATE_", "ENTRASYNC_APP_SECRETS_DIR",
	"ENTRASYNC_MICROSOFT_TENANT_SOURCE", "ENTRASYNC_SECRETS", "ENTRASYNC_VAULT_", "ENTRASYNC_CIPP_",
	"ENTRASYNC_WEBHOOK_ALLOWED_HOSTS", "ENTRASYNC_EMBED_ORIGINS",
	"ENTRASYNC_TEMPORAL_PAYLOAD_KEY_FILE", "ENTRASYNC_TEMPORAL_CODEC_",
}

// FromEnv is the stack that belongs to a checkout, as the variables describe
// it: ports, and DATABASE_URL, ENTRASYNC_MICROSOFT_*_URL, MICROSOFT_*,
// ENTRASYNC_AUTH_ISSUER, ENTRASYNC_AUTH_AUDIENCE, ENTRASYNC_PLATFORM_KEY,
// ENTRASYNC_MASTER_KEY_KMS_URI, ENTRASYNC_TEMPORAL_UI_WRITE, ENTRASYNC_EDITION,
// ENTRASYNC_FLEET, ENTRASYNC_REPLICAS. environ is as os.Environ gives it.
func FromEnv(root string, environ []string) (Options, error) {
	vars := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	set, err := ports.FromEnv(func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	})
	if err != nil {
		return Options{}, err
	}
	o := Options{
		Root: root, State: layout.Default(root).State, Ports: set,
		Console:             true,
		DatabaseURL:         vars["DATABASE_URL"],
		MicrosoftLoginURL:   vars["ENTRASYNC_MICROSOFT_LOGIN_URL"],
		MicrosoftGraphURL:   vars["ENTRASYNC_MICROSOFT_GRAPH_URL"],
		MicrosoftPartnerURL: vars["ENTRASYNC_MICROSOFT_PARTNER_URL"],
		AuthIssuer:          vars["ENTRASYNC_AUTH_ISSUER"],
		AuthAudience:        vars["ENTRASYNC_AUTH_AUDIENCE"],
		PlatformKey:         vars["ENTRASYNC_PLATFORM_KEY"],
		MasterKeyKMSURI:     vars["ENTRASYNC_MASTER_KEY_KMS_URI"],
		Fleet:               vars["ENTRASYNC_FLEET"],
		Edition:             vars["ENTRASYNC_EDITION"],
	}
	if write := vars["ENTRASYNC_TEMPORAL_UI_WRITE"]; write != "" {
		if o.TemporalUIWritable, err = strconv.ParseBool(write); err != nil {
			return Options{}, fmt.Errorf("ENTRASYNC_TEMPORAL_UI_WRITE=%q is neither true nor false", write)
		}
	}
	switch replicas := vars["ENTRASYNC_REPLICAS"]; replicas {
	case "", "1":
	case "2":
		o.Twice, o.SecondPorts = callers(), set.Beside()
	default:
		return Options{}, fmt.Errorf("ENTRASYNC_REPLICAS=%q is neither 1 nor 2", replicas)
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if vars[name] == "" {
			continue // the same as not set
		}
		pair := name + "=" + vars[name]
		switch {
		case strings.HasPrefix(name, "MICROSOFT_"):
			o.MicrosoftClient = append(o.MicrosoftClient, pair)
		case slices.ContainsFunc(inherited, func(p string) bool { return name == p || strings.HasSuffix(p, "_") && strings.HasPrefix(name, p) }):
			o.Inherit = append(o.Inherit, pair)
		}
	}
	return o, nil
}

// OwnDatabase says that the stack starts PostgreSQL itself.
func (o Options) OwnDatabase() bool { return o.DatabaseURL == "" }

// OwnDirectory says that the simulator is the directory. With another one
// there is no demonstration.
func (o Options) OwnDirectory() bool { return o.MicrosoftLoginURL == "" && o.MicrosoftGraphURL == "" }

// OwnIssuer says that the local issuer signs users in.
func (o Options) OwnIssuer() bool { return o.AuthIssuer == "" }

// complete fills in what was left empty, except the state folder.
func (o Options) complete() (_ Options, err error) {
	if o.Root == "" {
		dir, err := os.Getwd()
		if err != nil {
			return o, err
		}
		if o.Root, err = layout.FindRoot(dir); err != nil {
			return o, err
		}
	}
	if o.Ports == (Ports{}) {
		if o.Ports, err = ports.Random(); err != nil {
			return o, err
		}
	}
	if len(o.Twice) > 0 && o.SecondPorts == (Ports{}) {
		if o.SecondPorts, err = ports.Random(); err != nil {
			return o, err
		}
	}
	o.Fleet = cmp.Or(o.Fleet, string(fleet.Small))
	o.Seed = cmp.Or(o.Seed, 1)
	o.Edition = cmp.Or(o.Edition, "enterprise")
	o.AuthAudience = cmp.Or(o.AuthAudience, "entrasync")
	for _, name := range o.Without {
		if !slices.Contains(Names(), name) {
			return o, fmt.Errorf("there is no process %q; the processes are %s", name, strings.Join(Names(), ", "))
		}
	}
	return o, nil
}

// makeState makes the state folder, a temporary one when none is named, and
// says whether it is.
func (o *Options) makeState() (temporary bool, err error) {
	if o.State != "" {
		o.State, err = filepath.Abs(o.State)
		return false, errors.Join(err, os.MkdirAll(o.State, 0o755))
	}
	if o.State, err = scratch.Dir("entrasync-stack-"); err != nil {
		return false, err
	}
	// PostgreSQL may run as another user, who must get through here.
	return true, os.Chmod(o.State, 0o711)
}

func (o Options) layout() layout.Layout { return layout.Layout{Root: o.Root, State: o.State} }

// CheckPorts says which port that this stack would listen on is taken, as a
// ports.TakenError that names the variable to change it with.
func (o Options) CheckPorts() error {
	err := o.Ports.Check(func(field string) bool {
		switch field {
		case "PostgreSQL":
			return o.OwnDatabase()
		case "Simulator":
			return o.OwnDirectory()
		case "Identity":
			return o.OwnIssuer()
		}
		return !belongs(field, o.Without)
	})
	if err != nil || len(o.Twice) == 0 {
		return err
	}
	return o.SecondPorts.Check(func(field string) bool { return belongs(field, o.Twice) && !belongs(field, o.Without) })
}

// belongs says whether a port is that of one of the processes: "SyncEngineAdmin" belongs to
// sync-engine, "TemporalUI" to temporal-ui.
func belongs(field string, processes []string) bool {
	return slices.ContainsFunc(processes, func(name string) bool {
		plain := strings.ReplaceAll(name, "-", "")
		return strings.EqualFold(field, plain) || strings.EqualFold(field, plain+"admin")
	})
}

// FleetConfig is what the simulator makes its fleet from.
func (o Options) FleetConfig() fleet.Config {
	return fleet.Config{
		Size: fleet.Size(cmp.Or(o.Fleet, string(fleet.Small))), Seed: cmp.Or(o.Seed, 1), Year: time.Now().UTC().Year(),
	}
}
