package checks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// versionBefore is the revision whose programs have to work on this version's schema, and
// beside this version's programs: that which was released last.
const versionBefore = "a9bf3aef40ba6558d2aa8a0e85057e3531830803"

// Rolling builds the programs of an earlier version, by default of the one before, and
// replaces them one by one by this version's on a running system: see
// TestEveryStepOfARollingUpdateWorks. It needs the repository's history.
func (s *Suite) Rolling(ctx context.Context, from string) error {
	if from == "" {
		from = versionBefore
	}
	said, err := exec.CommandContext(ctx, "git", "-C", s.Root, "rev-parse", "--verify", "--quiet", from+"^{commit}").Output()
	if err != nil {
		return fmt.Errorf("revision %s is not in this clone; a shallow one gets it by `git fetch --unshallow`: %w", from, err)
	}
	from = strings.TrimSpace(string(said))
	where := filepath.Join(s.State, "rolling", from)
	if err := s.buildVersion(ctx, from, where); err != nil {
		return err
	}
	if err := s.Servers(ctx, s.Out); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "starting a system of", from[:12], "and replacing its programs")
	err = s.goTest(ctx, s.Out, nil, []string{
		"-tags=rolling", "-timeout=25m", "-run=RollingUpdate",
		acceptancePackage, "-args", "-programs=" + filepath.Join(where, "bin"),
	})
	if err != nil {
		return errors.Join(ErrFailed, err)
	}
	return nil
}

// buildVersion builds the services of a revision into where/bin, once.
func (s *Suite) buildVersion(ctx context.Context, revision, where string) error {
	bin, source := filepath.Join(where, "bin"), filepath.Join(where, "source")
	if _, err := os.Stat(bin); err == nil {
		return nil
	}
	if err := os.RemoveAll(where); err != nil {
		return err
	}
	if err := os.MkdirAll(source, 0o755); err != nil { // sources and programs, for everybody to read
		return err
	}
	fmt.Fprintln(s.Out, "building the programs of", revision[:12])
	archive := filepath.Join(where, "source.tar")
	if err := s.command(ctx, s.Out, "", nil, "git", "archive", "--output="+archive, revision); err != nil {
		return err
	}
	if err := s.command(ctx, s.Out, "", nil, "tar", "-C", source, "-xf", archive); err != nil {
		return err
	}
	// Under another name first: a build that was interrupted is not taken for a whole one.
	partial := filepath.Join(where, "partial")
	build := []string{"-C", source, "build", "-o", partial + string(filepath.Separator)}
	for _, b := range Binaries {
		if b.Module == "services" || b.Module == "gateway" {
			build = append(build, "./"+filepath.ToSlash(filepath.Join(b.Module, b.Package)))
		}
	}
	if err := s.command(ctx, s.Out, "", nil, "go", build...); err != nil {
		return err
	}
	return os.Rename(partial, bin)
}
