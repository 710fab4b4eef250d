package child

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// Process is one running child.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Spec says how a child is started.
type Spec struct {
	Path string
	Args []string
	// Env is the child's whole environment; nothing is inherited.
	Env []string
	Dir string
	// Output receives standard output and standard error.
	Output io.Writer
	User   *User
	// OnDeath is sent by the kernel when this program dies; zero is SIGKILL.
	OnDeath syscall.Signal
}

// Run starts the child that spec describes. The error names the program.
func Run(spec Spec) (*Process, error) {
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = spec.Env
	cmd.Dir = spec.Dir
	cmd.Stdout, cmd.Stderr = spec.Output, spec.Output
	// Grandchildren may hold the output pipe after the child itself is gone
	// (PostgreSQL's backends do); they must not keep us from seeing its end.
	cmd.WaitDelay = 300 * time.Millisecond
	if err := Start(cmd, spec.User, spec.OnDeath); err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Path, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is the process id, which is also the id of its process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended, nil for exit code 0. It may be read after Done.
func (p *Process) Err() error { return p.err }

// Stop sends sig to the child itself, waits for its end at most grace, then
// kills its whole process group. It returns when the child is gone.
func (p *Process) Stop(sig syscall.Signal, grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	select {
	case <-p.done:
	default:
		// An error means that the child ended in the meantime.
		_ = p.cmd.Process.Signal(sig)
	}
	select {
	case <-p.done:
	case <-ctx.Done():
	}
	// What the child started and left behind ends here too.
	_ = Signal(p.PID(), syscall.SIGKILL)
	<-p.done
}
