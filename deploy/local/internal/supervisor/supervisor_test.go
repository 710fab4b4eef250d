package supervisor_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/local/internal/supervisor"
)

var zombie = regexp.MustCompile(`(?m)^State:\s+Z`)

func TestStartsInOrderAndStopsInReverse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := process(b.dir, "first", "serve")
	second := process(b.dir, "second", "serve", "first")
	second.Spec.Env = append(second.Spec.Env, needVariable+"=first")
	third := process(b.dir, "third", "serve", "second")
	third.Spec.Env = append(third.Spec.Env, needVariable+"=second")
	require.NoError(t, b.Apply([]supervisor.Process{first, second, third}))
	b.wait(t)
	var pids []int
	for _, s := range b.Status() {
		require.Zero(t, s.Restarts, "%s was started before what it needs was ready", s.Name)
		pids = append(pids, s.PID)
	}
	b.Stop()
	for _, pid := range pids {
		require.True(t, gone(pid))
	}
	ends, err := os.ReadFile(filepath.Join(b.dir, "ends"))
	require.NoError(t, err)
	require.Equal(t, "third\nsecond\nfirst\n", string(ends))
}

func TestKilledProcessStartsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.Apply([]supervisor.Process{process(b.dir, "one", "serve"), process(b.dir, "two", "serve", "one")}))
	b.wait(t)
	other := b.status(t, "two").PID
	pid, err := b.Kill("one", syscall.SIGKILL)
	require.NoError(t, err)
	eventually(t, "it runs again", func() bool {
		s := b.status(t, "one")
		return s.State == supervisor.Ready && s.PID != pid && s.Restarts == 1
	})
	require.Equal(t, other, b.status(t, "two").PID, "what depends on it is left alone")
	require.Zero(t, b.status(t, "two").Restarts)
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.Apply([]supervisor.Process{process(b.dir, "broken", "fail")}))
	var starts []int64
	eventually(t, "six starts", func() bool {
		text, err := os.ReadFile(filepath.Join(b.dir, "starts"))
		if err != nil {
			return false
		}
		starts = starts[:0]
		for _, line := range strings.Fields(string(text)) {
			n, err := strconv.ParseInt(line, 10, 64)
			require.NoError(t, err)
			starts = append(starts, n)
		}
		return len(starts) >= 6
	})
	for i, least := range []time.Duration{20, 40, 80, 80, 80} {
		got := time.Duration(starts[i+1] - starts[i])
		require.GreaterOrEqual(t, got, least*time.Millisecond, "pause %d", i)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var notReady *supervisor.NotReadyError
	require.ErrorAs(t, b.Wait(ctx), &notReady)
	require.Equal(t, "broken", notReady.Processes[0].Name)
}

func TestBackoffStartsOverAfterHealth(t *testing.T) {
	t.Parallel()
	growing := timing()
	growing.First, growing.Most, growing.Healthy = time.Millisecond, time.Hour, 0
	b := setupWith(t, growing)
	require.NoError(t, b.Apply([]supervisor.Process{process(b.dir, "one", "serve")}))
	// 1 ms doubled 25 times is nine hours: only a reset lets this end.
	for range 25 {
		b.wait(t)
		pid, err := b.Kill("one", syscall.SIGKILL)
		require.NoError(t, err)
		eventually(t, "it runs again", func() bool {
			st := b.status(t, "one")
			return st.State == supervisor.Ready && st.PID != pid
		})
	}
}

func TestStopLeavesNoProcess(t *testing.T) {
	t.Parallel()
	short := timing()
	short.Grace = 300 * time.Millisecond // after which those who do not obey are killed
	b := setupWith(t, short)
	require.NoError(t, b.Apply([]supervisor.Process{process(b.dir, "deaf", "stubborn"), process(b.dir, "parent", "family")}))
	b.wait(t)
	var grandchild int
	eventually(t, "the grandchild runs", func() (ok bool) {
		var err error
		grandchild, err = pidIn(filepath.Join(b.dir, "grandchild"))
		return err == nil
	})
	pids := []int{b.status(t, "deaf").PID, b.status(t, "parent").PID}
	b.Stop()
	for _, pid := range pids {
		require.True(t, gone(pid))
	}
	eventually(t, "the grandchild is gone", func() bool { return gone(grandchild) })
	require.Error(t, b.Apply(nil), "a stopped supervisor starts nothing")
}

func TestApplyRestartsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	same, changing := process(b.dir, "same", "serve"), process(b.dir, "changing", "serve")
	leaving := process(b.dir, "leaving", "serve")
	require.NoError(t, b.Apply([]supervisor.Process{same, changing, leaving}))
	b.wait(t)
	before := map[string]int{}
	for _, s := range b.Status() {
		before[s.Name] = s.PID
	}
	changing.Version = "2"
	require.NoError(t, b.Apply([]supervisor.Process{same, changing}))
	b.wait(t)
	require.Equal(t, before["same"], b.status(t, "same").PID)
	require.NotEqual(t, before["changing"], b.status(t, "changing").PID)
	require.True(t, gone(before["changing"]))
	require.True(t, gone(before["leaving"]))
	require.Len(t, b.Status(), 2)
}

func TestTaskIsTriedUntilItSucceeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tries := 0
	task := supervisor.Process{Name: "task", Task: func(_ context.Context, log io.Writer) error {
		tries++
		if _, err := io.WriteString(log, "trying\n"); err != nil {
			return err
		}
		if tries < 3 {
			return errors.New("not yet")
		}
		return nil
	}}
	require.NoError(t, b.Apply([]supervisor.Process{task, process(b.dir, "after", "serve", "task")}))
	b.wait(t)
	require.Equal(t, 2, b.status(t, "task").Restarts)
	text, err := os.ReadFile(b.status(t, "task").Log)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(text), "trying\n"))
	b.Stop()
	require.Equal(t, 3, tries)
}

func TestChildrenDieWithTheSupervisor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = environ("supervisor", dir, "")
	require.NoError(t, cmd.Start())
	var pid int
	eventually(t, "the child runs", func() bool {
		var err error
		pid, err = pidIn(filepath.Join(dir, "orphan"))
		return err == nil
	})
	require.False(t, gone(pid))
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	eventually(t, "the child dies too", func() bool { return gone(pid) })
}

func TestRefusesASetThatCannotStart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.ErrorContains(t, b.Apply([]supervisor.Process{process(b.dir, "a", "serve", "b"), process(b.dir, "b", "serve")}), "does not come before")
	require.ErrorContains(t, b.Apply([]supervisor.Process{process(b.dir, "a", "serve"), process(b.dir, "a", "serve")}), "twice")
}
