package hostclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const integration = "/api/integrations/entra"

// Token asks the development identity for a bearer token.
func Token(ctx context.Context, identity, tenant, subject, userType string, permissions ...string) (string, error) {
	c := NewClient(identity, "")
	var out struct {
		AccessToken string `json:"access_token"`
	}
	err := c.Do(ctx, http.MethodPost, "/token", map[string]any{
		"tenantId": tenant, "sub": subject, "userType": userType, "permissions": permissions,
	}, &out)
	return out.AccessToken, err
}

// EnableFlags makes the integration's flags, where they are missing, and turns them on for a
// tenant. The client carries the platform key.
func (c *Client) EnableFlags(ctx context.Context, tenant string, flags ...string) error {
	const path = "/api/v1/platform-feature-flags"
	if err := c.Do(ctx, http.MethodPost, path, map[string]any{"__action": "ensure_entra_phase1_flags"}, nil); err != nil {
		return err
	}
	for _, flag := range flags {
		if err := c.TargetFlag(ctx, flag, tenant, true); err != nil {
			return err
		}
	}
	return nil
}

// TargetFlag turns one flag on or off for a tenant.
func (c *Client) TargetFlag(ctx context.Context, flag, tenant string, on bool) error {
	action := "remove"
	if on {
		action = "add"
	}
	return c.Do(ctx, http.MethodPost, "/api/v1/platform-feature-flags/"+url.PathEscape(flag)+"/tenants",
		map[string]any{"__action": action, "tenantId": tenant}, nil)
}

// Status reads the status panel.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.Do(ctx, http.MethodGet, integration, nil, &s)
}

// Connect goes through the partner OAuth flow as a host does that has a bearer token: it starts
// the flow, visits the provider and the callback as the person's browser would, and completes.
func (c *Client) Connect(ctx context.Context) error {
	code, err := c.ConsentCode(ctx)
	if err != nil {
		return err
	}
	return c.Do(ctx, http.MethodPost, integration+"/connect/complete", map[string]any{"completionCode": code}, nil)
}

// ConsentCode is the flow up to the code that completes it.
func (c *Client) ConsentCode(ctx context.Context) (string, error) {
	var start struct {
		AuthorizeURL string `json:"authorizeUrl"`
	}
	if err := c.Do(ctx, http.MethodPost, integration+"/connect", map[string]any{"connectionType": "direct"}, &start); err != nil {
		return "", err
	}
	return c.CompletionCode(ctx, start.AuthorizeURL)
}

// CompletionCode visits the provider and the callback as the person's browser would, and returns
// the code that it comes back with.
func (c *Client) CompletionCode(ctx context.Context, authorizeURL string) (string, error) {
	end, err := c.browse(ctx, authorizeURL, 5)
	if err != nil {
		return "", err
	}
	q := end.Query()
	if q.Get("entra_status") != "pending" {
		return "", fmt.Errorf("the connection ended %q: %s", q.Get("entra_status"), q.Get("error"))
	}
	return q.Get("completion_code"), nil
}

// browse follows redirects, without a token, until an address that carries the outcome.
func (c *Client) browse(ctx context.Context, address string, most int) (*url.URL, error) {
	for range most {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		if req.URL.Query().Has("entra_status") {
			return req.URL, nil
		}
		res, err := c.HTTP.Do(req)
		if err != nil {
			return nil, err
		}
		_ = res.Body.Close()
		next, err := res.Location()
		if err != nil {
			return nil, fmt.Errorf("%s answered %s and leads nowhere", req.URL.Host+req.URL.Path, res.Status)
		}
		address = next.String()
	}
	return nil, errors.New("the flow goes in circles")
}

// Discover runs a discovery and waits for its end.
func (c *Client) Discover(ctx context.Context) (Discovery, error) {
	var d Discovery
	err := c.start(ctx, "/discovery", map[string]any{}, &d)
	if err != nil {
		return d, err
	}
	err = Poll(ctx, func() (bool, error) {
		if d.State != "running" {
			return true, nil
		}
		return false, c.Do(ctx, http.MethodGet, integration+"/discovery", nil, &d)
	})
	if err == nil && d.State != "completed" {
		err = fmt.Errorf("the discovery ended %s", d.State)
		if d.Error != nil {
			err = fmt.Errorf("%w: %s: %s %s", err, d.Error.Code, d.Error.Message, d.Error.Remedy)
		}
	}
	return d, err
}

// ManagedTenants lists the discovered tenants.
func (c *Client) ManagedTenants(ctx context.Context) ([]ManagedTenant, error) {
	return pages(ctx, c, integration+"/managed-tenants", nil, func(raw json.RawMessage) ([]ManagedTenant, error) {
		var p struct {
			ManagedTenants []ManagedTenant `json:"managedTenants"`
		}
		return p.ManagedTenants, json.Unmarshal(raw, &p)
	})
}

// Preview reads the mapping preview.
func (c *Client) Preview(ctx context.Context) (Preview, error) {
	var p Preview
	return p, c.Do(ctx, http.MethodGet, integration+"/mappings/preview", nil, &p)
}

// Confirm sends decisions.
func (c *Client) Confirm(ctx context.Context, decisions []Decision) (Confirmed, error) {
	var out Confirmed
	return out, c.Do(ctx, http.MethodPost, integration+"/mappings/confirm", map[string]any{"decisions": decisions}, &out)
}

// ConfirmExact confirms every tenant that has exactly one exact match and is undecided.
func (c *Client) ConfirmExact(ctx context.Context) (Confirmed, error) {
	preview, err := c.Preview(ctx)
	if err != nil {
		return Confirmed{}, err
	}
	var decisions []Decision
	for _, row := range preview.AutoMatched {
		if row.State == "undecided" && row.Match != nil {
			decisions = append(decisions, Decision{ManagedTenantID: row.ManagedTenantID, Decision: "map", ClientID: row.Match.ClientID})
		}
	}
	if len(decisions) == 0 {
		return Confirmed{}, errors.New("no managed tenant matches a client exactly")
	}
	return c.Confirm(ctx, decisions)
}

// StartSync starts or joins a run.
func (c *Client) StartSync(ctx context.Context, scope string) (Start, error) {
	var s Start
	return s, c.start(ctx, "/sync", map[string]any{"scope": scope}, &s)
}

// startAgain is how long a start is asked for that the orchestrator is too busy to take.
const startAgain = time.Minute

// start asks for a run until the orchestrator takes it: one that is refused for its sake may be asked for
// again, and joins one that was started all the same.
func (c *Client) start(ctx context.Context, path string, body, out any) error {
	within, cancel := context.WithTimeout(ctx, startAgain)
	defer cancel()
	var refused *Problem
	err := Poll(within, func() (bool, error) {
		err := c.Do(ctx, http.MethodPost, integration+path, body, out)
		if errors.As(err, &refused) && refused.Code == "orchestrator_unavailable" {
			return false, nil
		}
		refused = nil
		return err == nil, err
	})
	if refused != nil {
		return refused
	}
	return err
}

// Sync starts a run and waits for its end; progress, where set, is called with every state read.
func (c *Client) Sync(ctx context.Context, scope string, progress func(Run)) (RunDetail, error) {
	start, err := c.StartSync(ctx, scope)
	if err != nil {
		return RunDetail{}, err
	}
	return c.WaitRun(ctx, start.RunID, progress)
}

// WaitRun waits for the end of a run. While the gateway or a service is away it goes on asking,
// until the context ends.
func (c *Client) WaitRun(ctx context.Context, runID string, progress func(Run)) (RunDetail, error) {
	return c.WaitRunUntil(ctx, runID, func(run Run) bool {
		if progress != nil {
			progress(run)
		}
		return run.Ended()
	})
}

// WaitRunUntil waits, as WaitRun does, until a run is as it is wanted.
func (c *Client) WaitRunUntil(ctx context.Context, runID string, wanted func(Run) bool) (RunDetail, error) {
	var detail RunDetail
	err := Poll(ctx, func() (bool, error) {
		d, err := c.Run(ctx, runID)
		var p *Problem
		switch {
		case errors.As(err, &p) && p.Status < http.StatusInternalServerError:
			return false, err
		case err != nil:
			return false, ctx.Err()
		}
		detail = d
		return wanted(d.Run), nil
	})
	return detail, err
}

// Run reads one run.
func (c *Client) Run(ctx context.Context, runID string) (RunDetail, error) {
	var d RunDetail
	return d, c.Do(ctx, http.MethodGet, integration+"/sync/runs/"+url.PathEscape(runID), nil, &d)
}

// Contacts lists contacts.
func (c *Client) Contacts(ctx context.Context, query url.Values) ([]Contact, error) {
	return pages(ctx, c, "/api/contacts", query, func(raw json.RawMessage) ([]Contact, error) {
		var p struct {
			Contacts []Contact `json:"contacts"`
		}
		return p.Contacts, json.Unmarshal(raw, &p)
	})
}

// Clients lists clients.
func (c *Client) Clients(ctx context.Context) ([]ClientRecord, error) {
	return pages(ctx, c, "/api/clients", nil, func(raw json.RawMessage) ([]ClientRecord, error) {
		var p struct {
			Clients []ClientRecord `json:"clients"`
		}
		return p.Clients, json.Unmarshal(raw, &p)
	})
}

// Queue lists what a person must decide.
func (c *Client) Queue(ctx context.Context, query url.Values) ([]QueueItem, error) {
	return pages(ctx, c, integration+"/reconciliation-queue", query, func(raw json.RawMessage) ([]QueueItem, error) {
		var p struct {
			Items []QueueItem `json:"items"`
		}
		return p.Items, json.Unmarshal(raw, &p)
	})
}

// BatchSize is how many records one batch call takes.
const BatchSize = 5000

// Upsert sends records to a batch route, in batches, and returns how many of each outcome came.
// A record that was refused is an error that names it.
func Upsert[T any](ctx context.Context, c *Client, path, list string, records []T) (map[string]int, error) {
	outcomes := map[string]int{}
	for len(records) > 0 {
		n := min(len(records), BatchSize)
		var out struct {
			Results []RecordResult `json:"results"`
		}
		if err := c.Do(ctx, http.MethodPut, path, map[string]any{list: records[:n]}, &out); err != nil {
			return outcomes, err
		}
		for _, r := range out.Results {
			outcomes[r.Outcome]++
			if len(r.Violations) > 0 {
				return outcomes, fmt.Errorf("record %s: %s: %s", r.ExternalID, r.Violations[0].Field, r.Violations[0].Message)
			}
		}
		records = records[n:]
	}
	return outcomes, nil
}

// The pauses between two looks: the first, and the longest.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = 250 * time.Millisecond
)

// Poll asks until done, an error, or the end of the context: often at first, and
// the longer it takes the more seldom, since each look at a large run costs the server.
func Poll(ctx context.Context, done func() (bool, error)) error {
	for pause := firstPause; ; pause = min(pause*3/2, longestPause) {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
