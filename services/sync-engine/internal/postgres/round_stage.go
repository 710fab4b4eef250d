package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var stageColumns = []string{
	"n", "object_id", "content", "failure", "nameless", "verdict", "upn", "enabled", "full_name", "name_key", "named", "email", "email_norm", "mailed",
	"phone", "role", "addresses", "contact_id",
}

// Stage copies a batch into the temporary table, numbered on. A round whose
// mapping moved ends here already: a long listing would be for nothing.
func (r *Round) Stage(ctx context.Context, identities []syncengine.Identity) error {
	if err := r.inRange(ctx, r.checkRevision); err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	if r.staged > 0 && r.reused && !r.bare {
		if _, err := r.conn.Raw().Exec(ctx, sqlBare); err != nil {
			return fmt.Errorf("staging: %w", pg.Classify(err))
		}
		r.bare = true
	}
	source := &copySource{identities: identities, n: r.staged, at: -1}
	if _, err := r.conn.Raw().CopyFrom(ctx, pgx.Identifier{"stage"}, stageColumns, source); err != nil {
		return fmt.Errorf("staging: %w", pg.Classify(err))
	}
	r.staged += len(identities)
	r.rows += len(identities)
	return nil
}

// copySource feeds identities to COPY without holding a second copy of them.
type copySource struct {
	identities []syncengine.Identity
	n, at      int
	values     [18]any
	err        error
}

func (s *copySource) Next() bool {
	s.at++
	return s.at < len(s.identities)
}

func (s *copySource) Err() error { return s.err }

func (s *copySource) Values() ([]any, error) {
	i := &s.identities[s.at]
	id, err := uuid.NewV7() // rises with n, so that contacts are inserted in order of their key
	if err != nil {
		return nil, err
	}
	s.values = [18]any{
		int32(s.n + s.at + 1), i.ObjectID, i.Content, text(i.Failure), i.Nameless, text(i.Verdict), i.UserPrincipalName, // far below 2³¹
		i.Enabled, i.FullName, i.NameKey, i.HasDisplayName, i.Email, text(i.EmailNorm), i.EmailIsMail, i.Phone, i.Role,
		strings.Join(i.Addresses, " "), id,
	}
	return s.values[:], nil
}

// text is NULL for an empty text.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
