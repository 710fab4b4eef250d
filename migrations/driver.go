package migrations

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/golang-migrate/migrate/v4/database/multistmt"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/jackc/pgx/v5"
)

// outsideTransaction is the first line of a file with statements that PostgreSQL
// refuses inside a transaction (CREATE INDEX CONCURRENTLY). They run one by one
// behind a mark, and after a kill the whole file again: each statement must bear
// that (IF NOT EXISTS, or a DROP … IF EXISTS before it). The file must not have a
// semicolon inside a statement.
const outsideTransaction = "-- outside a transaction"

// maxStatement bounds one statement of such a file, in bytes.
const maxStatement = 1 << 20

// driver writes a context's version in the transaction of the file that leads to
// it: whenever the process is killed, the file and its version are both there or
// neither is. The library alone writes a mark before the file and takes it away
// after it, in transactions of their own.
type driver struct {
	*migratepgx.Postgres
	table string // of the version, quoted
	// The version that the file which is run next leads to, and whether the
	// library was told of it.
	target  int
	pending bool
}

func newDriver(inner *migratepgx.Postgres, schema string) *driver {
	return &driver{Postgres: inner, table: pgx.Identifier{schema, versionTable}.Sanitize()}
}

// SetVersion implements database.Driver. The mark before a file is kept until Run
// knows the file.
func (d *driver) SetVersion(version int, dirty bool) error {
	if dirty {
		d.target, d.pending = version, true
		return nil
	}
	if d.target == version && !d.pending {
		return nil // Run wrote it
	}
	d.target, d.pending = version, false
	return d.Postgres.SetVersion(version, false)
}

// Run implements database.Driver. File and version go to the server as one query
// of several statements, which PostgreSQL does in one transaction.
func (d *driver) Run(file io.Reader) error {
	text, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("reading a migration: %w", err)
	}
	if strings.HasPrefix(string(text), outsideTransaction) {
		return d.runOutside(text)
	}
	version := fmt.Sprintf("\n;DELETE FROM %s", d.table)
	if d.target != database.NilVersion {
		version += fmt.Sprintf(";INSERT INTO %s (version, dirty) VALUES (%d, false)", d.table, d.target)
	}
	if err := d.Postgres.Run(io.MultiReader(bytes.NewReader(text), strings.NewReader(version))); err != nil {
		return err
	}
	d.pending = false
	return nil
}

// runOutside leaves pending set: the mark is taken away when all is done.
func (d *driver) runOutside(text []byte) error {
	if err := d.Postgres.SetVersion(d.target, true); err != nil {
		return err
	}
	var failed error
	err := multistmt.Parse(bytes.NewReader(text), []byte(";"), maxStatement, func(statement []byte) bool {
		failed = d.Postgres.Run(bytes.NewReader(statement))
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}
