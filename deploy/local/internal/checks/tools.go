package checks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Tools installs what the checks and the generators need: the Go tools that deploy/tools pins
// into the state folder and buf from its npm package. What is there already, at the pinned
// version, is kept.
func (s *Suite) Tools(ctx context.Context, log io.Writer) error { return s.tools(ctx, log) }

func (s *Suite) tools(ctx context.Context, log io.Writer) error {
	if err := s.install(log, "go-tools", []string{"deploy/tools/go.mod", "deploy/tools/go.sum"}, func() error {
		return s.command(ctx, log, "deploy/tools", []string{"GOWORK=off", "GOBIN=" + s.bin("")}, "go", "install", "tool")
	}); err != nil {
		return err
	}
	if err := s.Temporal(ctx, log); err != nil {
		return err
	}
	return s.install(log, "npm-tools", []string{"deploy/tools/package.json", "deploy/tools/package-lock.json"}, func() error {
		return s.command(ctx, log, "deploy/tools", nil, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	})
}

// install runs build unless a stamp says that it ran for the very same inputs.
func (s *Suite) install(log io.Writer, name string, inputs []string, build func() error) error {
	hash := sha256.New()
	for _, in := range inputs {
		text, err := os.ReadFile(s.abs(in))
		if err != nil {
			return err
		}
		hash.Write(text)
	}
	want := []byte(hex.EncodeToString(hash.Sum(nil)))
	stamp := filepath.Join(s.State, "bin", "."+name+".stamp")
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, want) {
		fmt.Fprintf(log, "%s: current\n", name)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(stamp), 0o755); err != nil {
		return err
	}
	if err := build(); err != nil {
		return err
	}
	return os.WriteFile(stamp, want, 0o644)
}
