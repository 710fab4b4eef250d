package appsecrets_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/appsecrets"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// bundle is a folder of secrets that are read and written at times of a clock which only the test
// moves, however long the machine takes.
type bundle struct {
	t      *testing.T
	folder string
	files  *appsecrets.Files
	mu     sync.Mutex
	at     time.Time
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{t: t, folder: t.TempDir(), at: time.Now()}
	b.files = appsecrets.NewFiles(b.folder, b.now)
	return b
}

func (b *bundle) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bundle) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func (b *bundle) write(name, value string) {
	b.t.Helper()
	path := filepath.Join(b.folder, name)
	require.NoError(b.t, os.WriteFile(path, []byte(value), 0o600))
	require.NoError(b.t, os.Chtimes(path, b.now(), b.now()))
}

func (b *bundle) remove(name string) {
	b.t.Helper()
	require.NoError(b.t, os.Remove(filepath.Join(b.folder, name)))
}

func (b *bundle) pair(number string) {
	b.t.Helper()
	b.write("MICROSOFT_CLIENT_ID", "client-"+number)
	b.write("MICROSOFT_CLIENT_SECRET", "secret-"+number)
}

func (b *bundle) holds(number string) {
	b.t.Helper()
	c, err := b.files.Credentials(b.t.Context())
	require.NoError(b.t, err)
	require.Equal(b.t, "client-"+number, c.ClientID)
	require.Equal(b.t, "secret-"+number, c.ClientSecret.Reveal())
}

func (b *bundle) none() {
	b.t.Helper()
	c, err := b.files.Credentials(b.t.Context())
	require.NoError(b.t, err)
	require.False(b.t, c.Complete())
}

func TestAPairCountsWhenItIsWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.none()
	b.write("MICROSOFT_CLIENT_ID", "client-1")
	b.none()
	b.write("MICROSOFT_CLIENT_SECRET", "secret-1\n")
	b.holds("1")
	c, err := appsecrets.NewFiles("", time.Now).Credentials(t.Context())
	require.NoError(t, err)
	require.Equal(t, connection.Credentials{}, c)
}

func TestARotationOfOneFileAfterTheOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pair("1")
	b.holds("1")
	b.write("MICROSOFT_CLIENT_ID", "client-2")
	b.holds("1")
	b.write("MICROSOFT_CLIENT_SECRET", "") // as it is between opening and writing
	b.holds("1")
	b.write("MICROSOFT_CLIENT_SECRET", "secr")
	b.holds("1")
	b.write("MICROSOFT_CLIENT_SECRET", "secret-2")
	b.holds("1")
	b.advance(3 * time.Second)
	b.holds("2")
}

func TestAFileThatIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pair("1")
	b.holds("1")
	b.remove("MICROSOFT_CLIENT_SECRET")
	b.advance(time.Hour) // not asked for a long time
	b.holds("1")
	b.advance(30 * time.Second)
	b.holds("1")
	b.write("MICROSOFT_CLIENT_SECRET", "secret-1")
	b.holds("1")
	b.remove("MICROSOFT_CLIENT_ID")
	b.advance(50 * time.Second)
	b.holds("1")
	b.advance(61 * time.Second)
	b.none()
	b.none()
	b.pair("3")
	b.holds("3")
}

func TestAFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pair("1")
	b.holds("1")
	b.remove("MICROSOFT_CLIENT_SECRET")
	require.NoError(t, os.Mkdir(filepath.Join(b.folder, "MICROSOFT_CLIENT_SECRET"), 0o700))
	b.holds("1")
	b.advance(2 * time.Minute)
	_, err := b.files.Credentials(t.Context())
	require.ErrorContains(t, err, "MICROSOFT_CLIENT_SECRET")
	b.remove("MICROSOFT_CLIENT_SECRET")
	b.write("MICROSOFT_CLIENT_SECRET", strings.Repeat("hunter2", 20_000))
	_, err = b.files.Credentials(t.Context())
	require.ErrorContains(t, err, "too large")
	require.NotContains(t, err.Error(), "hunter2")
	b.pair("2")
	b.write("MICROSOFT_CUSTOMER_ACCESS", "app_o")
	_, err = b.files.Credentials(t.Context())
	require.Error(t, err)
}

// mount replaces the files as Kubernetes does: a new folder, and a link to it
// that changes in one step; the old folder goes.
func (b *bundle) mount(number int) {
	b.t.Helper()
	folder := filepath.Join(b.folder, fmt.Sprintf("..%d", number))
	require.NoError(b.t, os.Mkdir(folder, 0o700))
	for name, value := range map[string]string{"MICROSOFT_CLIENT_ID": "client-", "MICROSOFT_CLIENT_SECRET": "secret-"} {
		require.NoError(b.t, os.WriteFile(filepath.Join(folder, name), fmt.Appendf(nil, "%s%d", value, number), 0o600))
		if number == 0 {
			require.NoError(b.t, os.Symlink(filepath.Join("..data", name), filepath.Join(b.folder, name)))
		}
	}
	next := filepath.Join(b.folder, "..data_tmp")
	require.NoError(b.t, os.Symlink(filepath.Base(folder), next))
	require.NoError(b.t, os.Rename(next, filepath.Join(b.folder, "..data")))
	if number > 0 {
		require.NoError(b.t, os.RemoveAll(filepath.Join(b.folder, fmt.Sprintf("..%d", number-1))))
	}
}

func TestAMountedSecretRotatesUnderItsReaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mount(0)
	b.holds("0")
	whileRead(t, func() error {
		c, err := b.files.Credentials(t.Context())
		if err != nil || strings.TrimPrefix(c.ClientID, "client-") != strings.TrimPrefix(c.ClientSecret.Reveal(), "secret-") || !c.Complete() {
			return fmt.Errorf("%s with %s: %w", c.ClientID, c.ClientSecret.Reveal(), err)
		}
		return nil
	}, func() {
		for i := 1; i <= 300; i++ {
			b.mount(i)
		}
	})
	b.holds("300")
}

// whileRead does something while four readers read again and again; their errors fail the test.
func whileRead(t *testing.T, read func() error, do func()) {
	t.Helper()
	done, failed := make(chan struct{}), make(chan error, 4)
	var readers sync.WaitGroup
	for range cap(failed) {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := read(); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	defer func() {
		close(done)
		readers.Wait()
		close(failed)
		for err := range failed {
			t.Error(err)
		}
	}()
	do()
}
