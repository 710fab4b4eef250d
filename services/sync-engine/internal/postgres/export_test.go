package postgres

import (
	"context"
	"io/fs"
	"strings"

	"github.com/entrasync/entrasync/pkg/pg"
)

// Statements are all that are written by hand, by their file.
func Statements() (map[string]string, error) {
	found := map[string]string{}
	err := fs.WalkDir(statementFiles, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := statementFiles.ReadFile(path)
		found[strings.TrimSuffix(path, ".sql")] = string(text)
		return err
	})
	return found, err
}

// InRange is how the round runs a statement of a range.
func (r *Round) InRange(ctx context.Context, fn pg.TxFunc) error { return r.inRange(ctx, fn) }

// InDirectory is how the round runs a statement of the whole directory.
func (r *Round) InDirectory(ctx context.Context, fn pg.TxFunc) error { return r.inDirectory(ctx, fn) }
