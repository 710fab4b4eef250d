package appsecrets

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

const (
	// settle is how long files must have been as they are before they replace a
	// registration that is known to be whole: a writer that writes one after the other,
	// or in pieces, has finished by then.
	settle = 2 * time.Second
	// grace is how long the last whole registration is used when part of it is
	// missing or wrong: a rotation is under way. After that it was taken away.
	grace = time.Minute
	// atomicLink is where Kubernetes mounts a secret's current files; a rotation
	// replaces the link, in one step.
	atomicLink = "..data"
)

// errUnsettled says that the files changed each time they were read.
var errUnsettled = errs.Of(reason.AppCredentialsChanging)

// snapshot is what files hold at one moment.
type snapshot struct {
	credentials connection.Credentials
	changed     time.Time // of the newest file; zero where files are replaced at once
}

// rotation reads an app registration from files anew each time: they rotate. While
// they do, the last whole one counts; never half of one and half of another. It is
// safe for use by many goroutines.
type rotation struct {
	now  func() time.Time
	read func() (snapshot, error)

	mu          sync.Mutex
	whole       *connection.Credentials // as read last
	brokenSince time.Time               // zero: not
}

// credentials are what the files hold, or held when they were last whole.
func (r *rotation) credentials() (connection.Credentials, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := r.stable()
	if err == nil && r.isWhole(found.credentials) {
		r.brokenSince = time.Time{}
		if r.whole != nil && *r.whole != found.credentials && r.young(found.changed) {
			return *r.whole, nil
		}
		r.whole = &found.credentials
		return found.credentials, nil
	}
	if r.brokenSince.IsZero() {
		r.brokenSince = r.now()
	}
	if r.whole != nil && r.now().Sub(r.brokenSince) < grace {
		return *r.whole, nil
	}
	r.whole = nil
	return found.credentials, err
}

// isWhole reports whether the app can prove itself: a certificate must come with its
// key.
func (r *rotation) isWhole(c connection.Credentials) bool {
	if !c.Complete() || c.Certificate == "" || (r.whole != nil && r.whole.Certificate == c.Certificate) {
		return c.Complete()
	}
	_, err := connection.ParseCertificate(c.Certificate)
	return err == nil
}

// young reports whether the file may still be written.
func (r *rotation) young(changed time.Time) bool {
	age := r.now().Sub(changed)
	return !changed.IsZero() && age < settle && age > -settle
}

// stable reads until two readings agree.
func (r *rotation) stable() (snapshot, error) {
	before, err := r.read()
	for range 3 {
		var again snapshot
		var againErr error
		again, againErr = r.read()
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

// current is where the files of a folder are to be read from: through the link, so
// that a rotation while they are read changes none of them. atomic reports whether
// there is such a link.
func current(folder string) (now string, atomic bool) {
	if target, err := filepath.EvalSymlinks(filepath.Join(folder, atomicLink)); err == nil {
		return target, true
	}
	return folder, false
}

// readFile returns a file's value and when it was changed. One that is not there is
// empty.
func readFile(path string) (value string, changed time.Time, err error) {
	if value, err = readValue(path); err != nil {
		return "", time.Time{}, err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return value, time.Time{}, nil
	}
	if err != nil {
		return "", time.Time{}, err
	}
	return value, info.ModTime(), nil
}
