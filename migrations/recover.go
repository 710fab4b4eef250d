package migrations

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5/pgconn"
)

// unmark resolves the mark of a file that did not end: one outside a transaction,
// or one that a build before version and file were written together began. Such a
// file was one transaction too, so it took effect as a whole or not at all, and
// doing it again tells which. The mark does not tell whether the file led up to
// the version or down to it; down, the next file may be applied still.
func (m migrator) unmark() error {
	version, dirty, err := m.driver.Version() // the library's hides a mark at no version
	if err != nil || !dirty {
		return err
	}
	versions, err := versionsOf(m.name)
	if err != nil {
		return err
	}
	at := slices.Index(versions, version)
	if at < 0 && version != database.NilVersion {
		return fmt.Errorf("version %d, which did not end, is unknown to this build", version)
	}
	for _, next := range versions[max(at, 0):min(at+2, len(versions))] {
		if err := m.settle(versions, next); err != nil {
			return err
		}
	}
	return nil
}

// settle makes sure that the file which leads up to a version is applied.
func (m migrator) settle(versions []int, version int) error {
	before := database.NilVersion
	if i := slices.Index(versions, version); i > 0 {
		before = versions[i-1]
	}
	if err := m.Force(before); err != nil {
		return err
	}
	err := m.Steps(1)
	if applied(err) {
		return m.Force(version)
	}
	return err
}

// applied reports that a file failed because what it makes is there, or what it
// takes away is not: it was applied before.
func applied(err error) bool {
	failed, ok := errors.AsType[*pgconn.PgError](original(err))
	if !ok {
		return false
	}
	switch failed.Code {
	case "42P07", "42701", "42710", "42723", "42P06": // a relation, column, object, function, schema exists
		return true
	case "42P01", "42703", "42704", "42883": // a relation, column, object, function does not
		return true
	}
	return false
}

// original is the cause of the library's error, which does not unwrap.
func original(err error) error {
	if failed, ok := errors.AsType[database.Error](err); ok {
		return failed.OrigErr
	}
	return err
}

// versionsOf lists the numbers of a context's files, in order.
func versionsOf(name string) ([]int, error) {
	entries, err := fs.Glob(files, name+"/*.up.sql")
	if err != nil {
		return nil, fmt.Errorf("reading the migrations of %s: %w", name, err)
	}
	versions := make([]int, 0, len(entries))
	for _, entry := range entries {
		var version int
		if _, err := fmt.Sscanf(entry[len(name)+1:], "%d_", &version); err != nil {
			return nil, fmt.Errorf("migration %s has no number: %w", entry, err)
		}
		versions = append(versions, version)
	}
	slices.Sort(versions)
	return versions, nil
}
