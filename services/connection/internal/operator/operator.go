// Package operator has the commands by which operators keep the master keys and the
// effects that were set aside.
package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/secrets"
	vaultclient "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
)

// dropAfter is how long a key set must have stood as it is before keys are
// dropped from it: by then every process has taken it up, and the gateway's
// stored answers (24 hours) that an older key sealed are gone.
const dropAfter = 48 * time.Hour

const usage = `usage: connection                run the service
       connection keys create    make a master key, where there is none
       connection keys status    list the keys and how many values each sealed
       connection keys rotate    add a key that seals from now on; running processes take it up
       connection keys drop      remove older keys that seal nothing any more
       connection effects dead   list the effects that were set aside
       connection effects retry TENANT EFFECT`

// MasterKeys are the commands for the master key set, and what they take from the
// environment.
type MasterKeys struct {
	DatabaseURL string `env:"ENTRASYNC_DATABASE_URL,unset"`
	Keys        secrets.Settings
	Vault       vaultclient.Settings
}

// Operate runs the command that the arguments name.
func Operate(ctx context.Context, arguments []string, out io.Writer) error {
	if arguments[0] == "effects" {
		return outbox.Operate(ctx, assembly.Name, arguments, out)
	}
	if len(arguments) != 2 || arguments[0] != "keys" {
		return errors.New(usage)
	}
	keys, err := env.ParseAs[MasterKeys]()
	if err != nil {
		return err
	}
	return keys.Do(ctx, arguments[1], out, time.Now)
}

// Do creates, rotates, lists or drops keys.
func (m MasterKeys) Do(ctx context.Context, what string, out io.Writer, now func() time.Time) error {
	switch what {
	case "create":
		created, err := secrets.Create(ctx, m.Keys, m.kms())
		if err == nil && !created {
			return errors.New("there is a key set already: rotate it instead")
		}
		return err
	case "rotate":
		id, err := secrets.Rotate(ctx, m.Keys, m.kms())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "key %d seals from now on; what older keys sealed for the connection service is sealed again within minutes\n", id)
		return err
	case "status":
		return m.status(ctx, out)
	case "drop":
		return m.drop(ctx, out, now)
	}
	return errors.New(usage)
}

// kms are the key management services that the set may be encrypted by.
func (m MasterKeys) kms() secrets.KMSClients {
	return secrets.KMSClients{vaultclient.TransitScheme: vaultclient.Transit(m.Vault)}
}

// state reads the key set and counts what each key sealed.
func (m MasterKeys) state(ctx context.Context) (keys []secrets.Key, changed time.Time, sealed map[uint32]int64, err error) {
	keys, changed, err = secrets.Keys(ctx, m.Keys, m.kms())
	if err != nil {
		return nil, time.Time{}, nil, err
	}
	if m.DatabaseURL == "" {
		return nil, time.Time{}, nil, errors.New("ENTRASYNC_DATABASE_URL is not set: it tells which keys are in use")
	}
	pool, err := pg.Open(ctx, m.DatabaseURL, pg.Options{Context: assembly.Name, MaxConns: 2})
	if err != nil {
		return nil, time.Time{}, nil, err
	}
	defer pool.Close()
	sealed, err = postgres.SealedValues(ctx, pool)
	return keys, changed, sealed, err
}

func (m MasterKeys) status(ctx context.Context, out io.Writer) error {
	keys, _, sealed, err := m.state(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		role := "opens"
		if key.Seals {
			role = "seals and opens"
		}
		if _, err := fmt.Fprintf(out, "key %d: %s; sealed %d values\n", key.ID, role, sealed[key.ID]); err != nil {
			return err
		}
		delete(sealed, key.ID)
	}
	for id, values := range sealed {
		if _, err := fmt.Fprintf(out, "key %d: MISSING; sealed %d values, which cannot be opened\n", id, values); err != nil {
			return err
		}
	}
	return nil
}

// drop removes the older keys that nothing in the connection service's database needs. To a key set that is
// another process's, all would look unneeded: one that lacks a key which sealed something there is refused.
func (m MasterKeys) drop(ctx context.Context, out io.Writer, now func() time.Time) error {
	keys, changed, sealed, err := m.state(ctx)
	if err != nil {
		return err
	}
	if age := now().Sub(changed); age < dropAfter {
		return fmt.Errorf("the key set was changed %s ago: keys are dropped after %s, when every process works with it and "+
			"the answers that the gateway keeps for a day are sealed by the new key", age.Round(time.Minute), dropAfter)
	}
	for id := range sealed {
		if !slices.ContainsFunc(keys, func(k secrets.Key) bool { return k.ID == id }) {
			return fmt.Errorf("key %d, which is not in the set, sealed values in the database: ENTRASYNC_MASTER_KEY_FILE or "+
				"ENTRASYNC_MASTER_KEY is another process's key set, or a key is missing; nothing was dropped", id)
		}
	}
	var unused []uint32
	for _, key := range secrets.Older(keys) {
		if n := sealed[key.ID]; n > 0 {
			if _, err := fmt.Fprintf(out, "key %d stays: it sealed %d values\n", key.ID, n); err != nil {
				return err
			}
			continue
		}
		unused = append(unused, key.ID)
	}
	if len(unused) == 0 {
		_, err := fmt.Fprintln(out, "no key to drop")
		return err
	}
	if err := secrets.Drop(ctx, m.Keys, m.kms(), unused...); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "dropped %d keys\n", len(unused))
	return err
}
