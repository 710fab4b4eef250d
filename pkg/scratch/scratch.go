// Package scratch finds a place for what is thrown away soon: files, and servers of tests.
package scratch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
)

const (
	// memory is where Linux has a file system in memory.
	memory = "/dev/shm"
	// room is what must be free there, and of the machine's memory, in bytes.
	room = 3 << 30
)

var available = regexp.MustCompile(`(?m)^MemAvailable:\s+(\d+) kB$`)

// Dir makes a folder, in memory where there is room: a test's database is hundreds of files that
// are copied, written once and deleted, which on a disk takes several times as long as all else
// that is done with them. TMPDIR decides where it is set. The caller deletes the folder; what a
// process that was killed has left behind is deleted by the next one that asks for the prefix.
func Dir(prefix string) (string, error) {
	parent := place()
	sweep(parent, prefix)
	for {
		dir, err := os.MkdirTemp(parent, prefix)
		if err != nil {
			return "", err
		}
		mine, err := hold(dir, syscall.LOCK_EX)
		if err != nil {
			return "", fmt.Errorf("locking %s: %w", dir, err)
		}
		if mine != nil {
			heldMu.Lock()
			defer heldMu.Unlock()
			held = append(held, mine)
			return dir, nil
		}
	}
}

func place() string {
	if os.Getenv("TMPDIR") != "" || !roomy() {
		return os.TempDir()
	}
	return memory
}

func roomy() bool {
	var fs syscall.Statfs_t
	if syscall.Statfs(memory, &fs) != nil || fs.Bavail*uint64(fs.Bsize) < room {
		return false
	}
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return false
	}
	found := available.FindSubmatch(info)
	if found == nil {
		return false
	}
	kB, err := strconv.ParseUint(string(found[1]), 10, 64)
	return err == nil && kB<<10 >= room
}

// held are the locks of our folders. They end with the process.
var (
	heldMu sync.Mutex
	held   []*os.File
)

// hold locks a folder; nil says that it is gone, or that somebody has it who is not waited for.
func hold(dir string, how int) (*os.File, error) {
	f, err := os.Open(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), how)
	if _, gone := os.Stat(dir); err == nil && gone == nil {
		return f, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = nil
	}
	return nil, errors.Join(err, f.Close())
}

// sweep deletes the folders that nobody holds, as far as it may.
func sweep(parent, prefix string) {
	found, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range found {
		if nobodys, err := hold(dir, syscall.LOCK_EX|syscall.LOCK_NB); err == nil && nobodys != nil {
			_ = os.RemoveAll(dir)
			_ = nobodys.Close()
		}
	}
}
