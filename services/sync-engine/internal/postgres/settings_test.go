package postgres_test

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// ListGroupMembers implements syncengine.UserSource.
func (d *fakeDirectory) ListGroupMembers(_ context.Context, req syncengine.ListGroupMembers, page func([]string) error) error {
	members, ok := d.groups[req.GroupID]
	if !ok {
		return errs.New(errs.Precondition, reason.GroupUnreadable, "The group cannot be read.")
	}
	for _, id := range members { // one a page
		if err := page([]string{id}); err != nil {
			return err
		}
	}
	return nil
}

func (c *caseFile) ownSettings(lines []string) []string {
	c.exec(`INSERT INTO managed_tenant_settings (tenant_id, managed_tenant_id, updated_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, msp, managed, c.now)
	for _, line := range lines {
		column, text, _ := strings.Cut(line, " ")
		var value any
		require.NoError(c.t, json.Unmarshal([]byte(text), &value))
		c.exec(`UPDATE managed_tenant_settings SET `+column+` = $1`, value)
	}
	return nil
}

func (c *caseFile) groups(lines []string) []string {
	c.dir.groups = map[string][]string{}
	for _, line := range lines {
		words := strings.Fields(line)
		c.dir.groups[words[0]] = words[1:]
	}
	return nil
}

func (c *caseFile) failing([]string) []string {
	c.now = c.now.Add(time.Hour)
	seq := c.seq()
	run := c.started(syncengine.TypeAllTenants, false)
	_, failure := c.sync.Do(c.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.Error(c.t, failure)
	require.NoError(c.t, c.record.Do(c.ctx(), run.ID, managed, syncengine.StateFailed, &syncengine.Problem{Code: errs.ReasonOf(failure)}))
	c.finished(run.ID)
	return append([]string{errs.ReasonOf(failure)}, c.decisions(seq, false)...)
}
