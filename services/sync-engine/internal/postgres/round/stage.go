package round

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

//go:embed drop_indexes.sql
var dropIndexes string

var stageColumns = []string{
	"n", "object_id", "content", "failure", "nameless", "verdict", "pattern", "upn", "enabled", "full_name", "name_key", "named", "email", "email_norm", "mailed",
	"phone", "role", "addresses", "own", "contact_id", "removed", "properties", "licences", "user_type",
}

// Stage copies a batch into the temporary table, numbered on. It returns before the
// copy is done, so that the next batch is read meanwhile; whatever uses the connection
// next waits for it. A round whose mapping moved ends here already: a long listing would
// be for nothing.
func (r *Round) Stage(ctx context.Context, identities []syncengine.Identity) error {
	if err := r.inRange(ctx, r.checkRevision); err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	if err := r.prepareSession(ctx); err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	if r.staged > 0 && r.session.reused && !r.session.bare && !r.delta {
		if _, err := r.conn.Raw().Exec(ctx, dropIndexes); err != nil {
			return fmt.Errorf("staging: %w", pg.Classify(err))
		}
		r.session.bare = true
	}
	source := &copySource{identities: slices.Clone(identities), n: r.staged, at: -1}
	done := make(chan error, 1)
	r.session.copying = done
	go func() {
		_, err := r.conn.Raw().CopyFrom(ctx, pgx.Identifier{"stage"}, stageColumns, source)
		done <- err
	}()
	r.staged += len(identities)
	r.session.rows += len(identities)
	return nil
}

// copySource feeds identities to COPY without holding a second copy of them.
type copySource struct {
	identities []syncengine.Identity
	n, at      int
	values     [24]any
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
	kept, err := propertiesOf(i.User)
	if err != nil {
		return nil, err
	}
	s.values = [24]any{
		int32(s.n + s.at + 1), i.ObjectID, i.Content, text(i.Failure), i.Nameless, text(i.Verdict), text(i.Pattern), // far below 2³¹
		i.UserPrincipalName, i.Enabled, i.FullName, i.NameKey, i.HasDisplayName, i.Email, text(i.EmailNorm), i.EmailIsMail, i.Phone, i.Role,
		strings.Join(i.Addresses, " "), int32(i.Own), id, i.Removed, kept, i.Licences, i.UserType, // far below 2³¹
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
