package round

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Written are the outcomes over all attempts of the round.
func (r *Round) Written(ctx context.Context) (out syncengine.Changes, err error) {
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		row, err := sqlc.New(tx).GetRunTenant(ctx, sqlc.GetRunTenantParams{RunID: r.runID, ManagedTenantID: r.managed.ManagedTenantID})
		out = syncengine.Changes{
			Created: int(row.Created), Linked: int(row.Linked), Updated: int(row.Updated), Inactivated: int(row.Inactivated),
			InactivatedGone: int(row.InactivatedGone), Reactivated: int(row.Reactivated),
		}
		return err
	})
	return out, err
}

// Close records the result and where the directory's next round takes up. ErrRunCancelled
// where the run was closed meanwhile: its counters are those that it ended with.
func (r *Round) Close(ctx context.Context, result syncengine.Result) error {
	if err := r.keptBeside(); err != nil {
		return fmt.Errorf("keeping identities: %w", err)
	}
	params, err := closing(result)
	if err != nil {
		return err
	}
	params.RunID, params.ManagedTenantID = r.runID, r.managed.ManagedTenantID
	if result.ReportedIn != "" {
		reported, err := uuid.Parse(result.ReportedIn)
		if err != nil {
			return fmt.Errorf("closing the round: %w", err)
		}
		params.ReportRunID = &reported
	}
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if params.ReportRunID != nil && params.Failed+params.Filtered > 0 {
			stands, err := q.ReportStands(ctx, sqlc.ReportStandsParams{RunID: *params.ReportRunID, ManagedTenantID: r.managed.ManagedTenantID})
			if err != nil {
				return err
			}
			if !stands {
				return syncengine.ErrReportGone
			}
		}
		if result.Applied {
			if err := r.checkRevision(ctx, tx); err != nil {
				return err
			}
			kept, err := r.directory(result)
			if err != nil {
				return err
			}
			if err := q.KeepDirectory(ctx, kept); err != nil {
				return err
			}
			if result.PeopleListed && r.plan.emptyApproved {
				if err := q.EndListingApproval(ctx, r.managed.EntraTenantID); err != nil {
					return err
				}
			}
		}
		closed, err := q.CloseTenant(ctx, params)
		if err == nil && closed == 0 && result.State != syncengine.StateCancelled {
			return syncengine.ErrRunCancelled
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("closing the round: %w", err)
	}
	r.session.closed = true
	return nil
}

func (r *Round) directory(result syncengine.Result) (sqlc.KeepDirectoryParams, error) {
	params := sqlc.KeepDirectoryParams{
		TenantID: r.tenantID, EntraTenantID: r.managed.EntraTenantID, ManagedTenantID: r.managed.ManagedTenantID, ClientID: r.clientID,
		MappingRevision: r.managed.MappingRevision, SettingsFingerprint: result.Fingerprint, LastRoundAt: &result.Now, LastRunID: &r.runID,
		DeltaLink: pg.TextOrNil(string(result.Listing.DeltaLink)), Held: result.Held != nil,
	}
	if result.Listing.Full {
		params.LastFullAt = &result.Now
	}
	if result.Members != nil {
		params.GroupMembers = result.Members.Bytes()
		params.MembersStand = bytes.Equal(params.GroupMembers, r.members)
	}
	if result.Held != nil { // the next round must meet what was held back again, and what the host wrote
		params.FeedSeq = r.seen.since
		return params, nil
	}
	head := r.seen.head + r.plan.raised
	params.ClientRevision, params.FeedSeq = &head, &r.seen.feed
	if result.Counters.Linked > 0 && r.overwrites {
		// A link takes no field over. The next round does, also where it lists what changed.
		params.ClientRevision = nil
	}
	if result.Standing == nil {
		return params, nil
	}
	var err error
	params.Standing, err = encode(result.Standing)
	return params, err
}

func closing(result syncengine.Result) (p sqlc.CloseTenantParams, err error) {
	c := result.Counters
	p = sqlc.CloseTenantParams{
		State: string(result.State), Now: result.Now, Created: int32(c.Created), Linked: int32(c.Linked), Updated: int32(c.Updated),
		Unchanged: int32(c.Unchanged), Ambiguous: int32(c.Ambiguous), Inactivated: int32(c.Inactivated),
		Reactivated: int32(c.Reactivated), Filtered: int32(c.Filtered), Failed: int32(c.Failed),
	}
	if result.Held != nil {
		count := int32(result.Held.Count)
		p.HeldReason, p.HeldCount, p.HeldDigest = &result.Held.Reason, &count, pg.TextOrNil(result.Held.Digest)
	}
	if result.Filtered == nil {
		result.Filtered = map[string]int{}
	}
	if result.Ambiguous == nil {
		result.Ambiguous = map[string]int{}
	}
	if result.Failures == nil {
		result.Failures = []syncengine.Failure{}
	}
	if p.FilteredReasons, err = encode(result.Filtered); err != nil {
		return p, err
	}
	if p.AmbiguousReasons, err = encode(result.Ambiguous); err != nil {
		return p, err
	}
	p.Failures, err = encode(result.Failures)
	return p, err
}

func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a column: %w", err)
	}
	return text, nil
}
