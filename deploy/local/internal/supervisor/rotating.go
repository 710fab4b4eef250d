package supervisor

import (
	"fmt"
	"os"
	"sync"
)

const (
	logLimit = 20 << 20 // bytes in one log file
	logKeep  = 3        // older files that are kept
)

// rotating is a log file that starts anew when it has grown to its limit; the
// older ones are called name.1 (the youngest), name.2 and so on.
type rotating struct {
	path  string
	limit int64
	keep  int

	mu   sync.Mutex
	file *os.File
	size int64
}

// Write never fails for want of a log: a process must not die because its disk
// is full, and os/exec would close its output on an error.
func (r *rotating) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil || r.size+int64(len(b)) > r.limit {
		r.turn()
	}
	if r.file != nil {
		n, _ := r.file.Write(b)
		r.size += int64(n)
	}
	return len(b), nil
}

// turn opens the file, and moves a full one away first.
func (r *rotating) turn() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
		for i := r.keep; i > 1; i-- {
			_ = os.Rename(fmt.Sprintf("%s.%d", r.path, i-1), fmt.Sprintf("%s.%d", r.path, i))
		}
		_ = os.Rename(r.path, r.path+".1")
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	r.file, r.size = f, 0
	if info, err := f.Stat(); err == nil {
		r.size = info.Size()
	}
}

// Close closes the file; a later Write opens it again.
func (r *rotating) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
