// Package layout says where the local stack keeps what it makes. All of it lies
// in one folder, .local at the root of the checkout, except a database that
// another user must reach (see Layout.Shared).
package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
)

// Layout is the set of folders of one stack.
type Layout struct {
	// Root is the checkout.
	Root string
	// State is the folder with everything that is made here.
	State string
}

// FindRoot walks up from dir to the root of the checkout.
func FindRoot(dir string) (string, error) {
	for {
		if _, err := os.Stat(filepath.Join(dir, "deploy", "temporal", "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("this is not inside a checkout of entrasync: run it there")
		}
		dir = up
	}
}

// Default is the layout of the stack that belongs to a checkout.
func Default(root string) Layout {
	return Layout{Root: root, State: filepath.Join(root, ".local")}
}

// The folders. Binaries and downloads belong to the checkout and are shared by
// every stack that is started from it.

// Bin holds the programs that were built.
func (l Layout) Bin() string { return filepath.Join(l.Root, ".local", "bin") }

// TemporalBin holds Temporal's programs.
func (l Layout) TemporalBin() string { return filepath.Join(l.Bin(), "temporal") }

// NPM holds the npm build of PostgreSQL, where one is needed.
func (l Layout) NPM() string { return filepath.Join(l.Root, ".local", "npm") }

// Logs holds one file for each process.
func (l Layout) Logs() string { return filepath.Join(l.State, "logs") }

// Data holds the databases.
func (l Layout) Data() string { return filepath.Join(l.State, "data") }

// Run holds what the supervisor says about itself.
func (l Layout) Run() string { return filepath.Join(l.State, "run") }

// Secrets holds passwords and keys; only the owner may read it.
func (l Layout) Secrets() string { return filepath.Join(l.State, "secrets") }

// TLS holds a folder for each service, as cert-manager lays it out.
func (l Layout) TLS() string { return filepath.Join(l.State, "tls") }

// TemporalTLS holds a folder for each party that reaches Temporal. They have an authority of their
// own, so that the certificate of no other service opens it.
func (l Layout) TemporalTLS() string { return filepath.Join(l.TLS(), "temporal") }

// PlatformKey is the file with the platform key.
func (l Layout) PlatformKey() string { return filepath.Join(l.State, "platform-key") }

// Shared is where files go that another user must reach when the checkout lies
// where that user may not enter, such as below /root.
func (l Layout) Shared() string {
	sum := sha256.Sum256([]byte(l.State))
	return filepath.Join("/var/lib/entrasync-local", hex.EncodeToString(sum[:8]))
}
