// Package child starts operating-system processes that die with this one, and
// ends them without leaving anything behind.
package child

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// User is the account a child runs as, where it is not the caller's own.
type User struct {
	UID, GID uint32
	Home     string
}

type request struct {
	cmd  *exec.Cmd
	done chan error
}

var (
	once     sync.Once
	requests chan request
)

// Start starts cmd in a process group of its own. When this process dies, by
// whatever means, the kernel sends the child the signal onDeath; the zero
// signal stands for SIGKILL. A nil user keeps the caller's account.
//
// The kernel ties that promise to the thread that forked, not to the process:
// Go ends idle threads, and the child would be killed with one of them. All
// children are therefore started from one thread that lives as long as the
// program.
func Start(cmd *exec.Cmd, user *User, onDeath syscall.Signal) error {
	if onDeath == 0 {
		onDeath = syscall.SIGKILL
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = onDeath
	if user != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: user.UID, Gid: user.GID}
	}
	once.Do(func() {
		requests = make(chan request)
		go spawn(requests)
	})
	r := request{cmd: cmd, done: make(chan error, 1)}
	requests <- r
	return <-r.done
}

func spawn(in <-chan request) {
	runtime.LockOSThread()
	for r := range in {
		r.done <- r.cmd.Start()
	}
}

// Signal sends sig to the process group that pid leads. A group that is gone
// already is not an error.
func Signal(pid int, sig syscall.Signal) error {
	if pid <= 1 {
		return errors.New("no process to signal")
	}
	if err := syscall.Kill(-pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return os.NewSyscallError("kill", err)
	}
	return nil
}
