package appsecrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

const (
	// settle is how long files must have been as they are before they replace a
	// pair that is known to be whole: who writes one after the other, or in pieces,
	// is through by then.
	settle = 2 * time.Second
	// grace is how long the last whole pair is used when half of it is missing: a
	// rotation is under way. After that it was taken away.
	grace = time.Minute
	// atomicLink is where Kubernetes mounts a secret's current files; a rotation
	// replaces the link, in one step.
	atomicLink = "..data"
)

// errUnsettled says that the files changed each time they were read.
var errUnsettled = errs.New(errs.Unavailable, "app_credentials_changing", "The app credentials are being replaced; try again.")

// Files gives what stands in a folder, one value a file, read anew each time:
// mounted secrets rotate. While they do, the last whole pair counts; never half
// of one and half of another. It only reads. It is safe for use by many
// goroutines.
type Files struct {
	folder string
	now    func() time.Time

	mu          sync.Mutex
	whole       *connection.Credentials // as read last
	brokenSince time.Time               // zero: not
}

// NewFiles reads a folder; an empty name means that there is none.
func NewFiles(folder string, now func() time.Time) *Files {
	return &Files{folder: folder, now: now}
}

// snapshot is the folder at one moment.
type snapshot struct {
	credentials connection.Credentials
	changed     time.Time // of the newest file; zero where files are replaced at once
}

// Credentials are the same for every tenant. Files that are not there count as
// not set.
func (f *Files) Credentials(context.Context, string) (connection.Credentials, error) {
	if f.folder == "" {
		return connection.Credentials{}, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	found, err := f.stable()
	if err == nil && found.credentials.Complete() {
		f.brokenSince = time.Time{}
		if f.whole != nil && *f.whole != found.credentials && f.young(found.changed) {
			return *f.whole, nil
		}
		f.whole = &found.credentials
		return found.credentials, nil
	}
	if f.brokenSince.IsZero() {
		f.brokenSince = f.now()
	}
	if f.whole != nil && f.now().Sub(f.brokenSince) < grace {
		return *f.whole, nil
	}
	f.whole = nil
	return found.credentials, err
}

// young tells whether whoever writes may still be at it.
func (f *Files) young(changed time.Time) bool {
	age := f.now().Sub(changed)
	return !changed.IsZero() && age < settle && age > -settle
}

// stable reads until two readings agree.
func (f *Files) stable() (snapshot, error) {
	before, err := f.read()
	for range 3 {
		var again snapshot
		var againErr error
		again, againErr = f.read()
		if err == nil && againErr == nil && again == before {
			return before, nil
		}
		before, err = again, againErr
	}
	if err != nil {
		return snapshot{}, err
	}
	return snapshot{}, errUnsettled
}

// read takes every value from one folder: through the link, so that a rotation
// while it reads changes none of them.
func (f *Files) read() (s snapshot, err error) {
	folder, atomic := f.folder, false
	if target, err := filepath.EvalSymlinks(filepath.Join(f.folder, atomicLink)); err == nil {
		folder, atomic = target, true
	}
	values := map[string]string{}
	for _, name := range []string{nameClientID, nameClientSecret, nameCertificate, nameTenantID, nameCustomerAccess} {
		path := filepath.Join(folder, name)
		value, err := readValue(path)
		if err != nil {
			return snapshot{}, fmt.Errorf("reading %s: %w", name, err)
		}
		values[name] = value
		info, err := os.Stat(path)
		switch {
		case err == nil && !atomic && info.ModTime().After(s.changed):
			s.changed = info.ModTime()
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return snapshot{}, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	access, err := connection.ParseCustomerAccess(values[nameCustomerAccess])
	if err != nil {
		return snapshot{}, err
	}
	s.credentials = connection.Credentials{
		ClientID: values[nameClientID], ClientSecret: connection.Secret(values[nameClientSecret]),
		Certificate: connection.Secret(values[nameCertificate]), TenantID: values[nameTenantID], CustomerAccess: access,
	}
	return s, nil
}
