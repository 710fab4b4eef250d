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
	goTools := product{
		name: "go-tools", inputs: []string{"deploy/tools/go.mod", "deploy/tools/go.sum"}, makes: s.bin("golangci-lint"),
		build: func() error {
			return s.command(ctx, log, "deploy/tools", []string{"GOWORK=off", "GOBIN=" + s.bin("")}, "go", "install", "tool")
		},
	}
	// No lock file: the versions are exact in package.json, and npm writes a lock for the platform
	// at hand alone, which `npm ci` then refuses everywhere.
	npmTools := product{
		name: "npm-tools", inputs: []string{"deploy/tools/package.json"}, makes: s.buf(),
		build: func() error {
			return s.command(ctx, log, "deploy/tools", nil, "npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
		},
	}
	for _, p := range []product{goTools, npmTools} {
		if err := s.install(log, p); err != nil {
			return err
		}
	}
	return nil
}

// product is something to install, what it is made from, and a file that shows that it is there.
type product struct {
	name   string
	inputs []string
	makes  string
	build  func() error
}

// install builds a product unless it is there and a stamp says that it was made from the very
// same inputs.
func (s *Suite) install(log io.Writer, p product) error {
	hash := sha256.New()
	for _, in := range p.inputs {
		text, err := os.ReadFile(s.abs(in))
		if err != nil {
			return err
		}
		hash.Write(text)
	}
	want := []byte(hex.EncodeToString(hash.Sum(nil)))
	stamp := filepath.Join(s.State, "bin", "."+p.name+".stamp")
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, want) && exists(p.makes) {
		fmt.Fprintf(log, "%s: current\n", p.name)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(stamp), 0o755); err != nil {
		return err
	}
	if err := p.build(); err != nil {
		return err
	}
	return os.WriteFile(stamp, want, 0o644)
}
