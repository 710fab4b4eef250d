package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/entrasync/entrasync/migrations"
)

// rolePasswords reads the passwords of the runtime roles and makes up those that
// are missing; the file stays readable by its owner alone.
func rolePasswords(path string) (map[string]string, error) {
	passwords := map[string]string{}
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("reading the roles' passwords: %w", err)
	default:
		if err := json.Unmarshal(raw, &passwords); err != nil {
			return nil, fmt.Errorf("%s is not a JSON object of role and password", path) // the cause may quote one
		}
	}
	added := false
	for _, name := range migrations.Contexts() {
		if role := migrations.RuntimeRole(name); passwords[role] == "" {
			passwords[role], added = rand.Text(), true
		}
	}
	if !added {
		return passwords, nil
	}
	return passwords, replaceFile(path, passwords)
}

// replaceFile writes the whole file or nothing.
func replaceFile(path string, passwords map[string]string) error {
	raw, err := json.MarshalIndent(passwords, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the roles' passwords: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".passwords-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("writing the roles' passwords: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(append(raw, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing the roles' passwords: %w", err)
	}
	return nil
}
