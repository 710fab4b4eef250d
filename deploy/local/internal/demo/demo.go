// Package demo does the main job once, on a simulated MSP, through the public HTTP interface
// alone, and says what happened.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/simulator/expect"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// Tenant is the MSP that the demonstration works for; the development identity's people belong
// to it.
const Tenant = "msp-demo"

// Flags are what the demonstration turns on.
var Flags = []string{
	"entra-integration-ui", "entra-integration-client-sync-action",
	"entra-integration-field-sync", "entra-integration-ambiguous-queue",
}

// Options say where the stack is and which fleet it simulates.
type Options struct {
	Gateway, Identity, PlatformKey string
	Fleet                          fleet.Config
	// Out receives a line a step.
	Out io.Writer
	// Now is the clock of the timings.
	Now func() time.Time
}

// job is one demonstration under way.
type job struct {
	Options
	client *hostclient.Client
	// fresh says that no contact stood before, so that the initial sync is the first.
	fresh bool
	first []hostclient.TenantResult // of the initial sync
}

// Run does the main job: records loaded, partner connected, tenants discovered, exact matches
// confirmed, initial sync, its counts held against what the written rules say, and a second sync
// that changes nothing. It may be run again.
func Run(ctx context.Context, o Options) error {
	j := &job{Options: o}
	for _, s := range []struct {
		name, remedy string
		run          func(context.Context) (string, error)
	}{
		{"sign in", "see the logs of gateway and identity", j.signIn},
		{"load clients", "see the logs of gateway and mapping", j.loadClients},
		{"load contacts", "see the logs of gateway and sync-engine", j.loadContacts},
		{"connect the partner", "see the logs of connection and simulator", j.connect},
		{"discover tenants", "see the logs of discovery and connection", j.discover},
		{"confirm exact matches", "see the log of mapping", j.confirm},
		{"initial sync", "see the logs of worker and sync-engine, and the Temporal UI", j.initialSync},
		{"compare", "see the run's report in the console: the simulator's expectation is in deploy/simulator/expect", j.compare},
		{"second sync", "see the logs of worker and sync-engine, and the Temporal UI", j.secondSync},
	} {
		began := j.Now()
		said, err := s.run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w\n  what to do: %s", s.name, err, s.remedy)
		}
		fmt.Fprintf(j.Out, "  %-22s %7s  %s\n", s.name, j.Now().Sub(began).Round(10*time.Millisecond), said)
	}
	return nil
}

func (j *job) signIn(ctx context.Context) (string, error) {
	platform := hostclient.NewClient(j.Gateway, "")
	platform.PlatformKey = j.PlatformKey
	if err := platform.EnableFlags(ctx, Tenant, Flags...); err != nil {
		return "", err
	}
	token, err := hostclient.Token(ctx, j.Identity, Tenant, "administrator", "internal", "system_settings.read", "system_settings.update")
	if err != nil {
		return "", err
	}
	j.client = hostclient.NewClient(j.Gateway, token)
	return fmt.Sprintf("administrator of %s; %d feature flags on", Tenant, len(Flags)), nil
}

func (j *job) loadClients(ctx context.Context) (string, error) {
	f, err := fleet.New(j.Fleet)
	if err != nil {
		return "", err
	}
	clients := slices.Collect(f.MSP().Clients())
	outcomes, err := hostclient.Upsert(ctx, j.client, "/api/clients:batch", "clients", clients)
	return fmt.Sprintf("%d clients: %s", len(clients), list(outcomes)), err
}

func (j *job) loadContacts(ctx context.Context) (string, error) {
	f, err := fleet.New(j.Fleet)
	if err != nil {
		return "", err
	}
	// Contacts are sent batch by batch: a large MSP's do not stand in memory at once.
	total, outcomes := 0, map[string]int{}
	for batch := range chunks(f.MSP().Contacts(), hostclient.BatchSize) {
		some, err := hostclient.Upsert(ctx, j.client, "/api/contacts:batch", "contacts", batch)
		if err != nil {
			return "", err
		}
		total += len(batch)
		for k, n := range some {
			outcomes[k] += n
		}
	}
	j.fresh = outcomes["created"] == total
	return fmt.Sprintf("%d contacts: %s", total, list(outcomes)), nil
}

func (j *job) connect(ctx context.Context) (string, error) {
	if err := j.client.Connect(ctx); err != nil {
		return "", err
	}
	status, err := j.client.Status(ctx)
	return "status " + status.Status, err
}

func (j *job) discover(ctx context.Context) (string, error) {
	d, err := j.client.Discover(ctx)
	return fmt.Sprintf("%d managed tenants", d.DiscoveredTenantCount), err
}

func (j *job) confirm(ctx context.Context) (string, error) {
	preview, err := j.client.Preview(ctx)
	if err != nil {
		return "", err
	}
	seen := fmt.Sprintf("preview: %d matched, %d to choose, %d unmatched", len(preview.AutoMatched), len(preview.FuzzyCandidates), len(preview.Unmatched))
	if preview.Summary.Mapped > 0 {
		return seen + "; decided already", nil
	}
	confirmed, err := j.client.ConfirmExact(ctx)
	return fmt.Sprintf("%s; confirmed %d", seen, confirmed.Confirmed), err
}

func (j *job) initialSync(ctx context.Context) (string, error) {
	said, detail, err := j.sync(ctx, "initial")
	j.first = detail.TenantResults
	return said, err
}

// compare holds the counters of a first sync against what the written rules make of the fleet.
func (j *job) compare(context.Context) (string, error) {
	if !j.fresh {
		return "left out: contacts stood before", nil
	}
	f, err := fleet.New(j.Fleet)
	if err != nil {
		return "", err
	}
	want, err := expect.Initial(f, expect.AutoMatched(f))
	if err != nil {
		return "", err
	}
	if len(j.first) != len(want) {
		return "", fmt.Errorf("%d tenants were synced, and the rules say %d", len(j.first), len(want))
	}
	for _, result := range j.first {
		o := want[result.EntraTenantID]
		implied := hostclient.Counters{
			Created: o.Created, Linked: o.Linked,
			Ambiguous: expect.Sum(o.Ambiguous), Filtered: expect.Sum(o.Filtered), Failed: expect.Sum(o.Failed),
		}
		if result.Counters != implied {
			return "", fmt.Errorf("tenant %s came to %+v, and the rules say %+v", result.EntraTenantID, result.Counters, implied)
		}
	}
	return fmt.Sprintf("every count of %d tenants is what the written rules say", len(want)), nil
}

func (j *job) secondSync(ctx context.Context) (string, error) {
	said, detail, err := j.sync(ctx, "all-tenants")
	c := detail.Run.Counters
	if err == nil && c.Created+c.Linked+c.Updated != 0 {
		err = fmt.Errorf("it changed something though nothing had changed upstream: %s", said)
	}
	return said, err
}

func (j *job) sync(ctx context.Context, scope string) (string, hostclient.RunDetail, error) {
	began := j.Now()
	detail, err := j.client.Sync(ctx, scope, nil)
	if err != nil {
		return "", hostclient.RunDetail{}, err
	}
	run := detail.Run
	if run.State != "completed" && run.State != "partial" {
		if run.Error != nil {
			return "", hostclient.RunDetail{}, fmt.Errorf("the run %s ended %s: %s %s", run.RunID, run.State, run.Error.Code, run.Error.Message)
		}
		for _, t := range detail.TenantResults {
			if t.Error != nil {
				return "", hostclient.RunDetail{}, fmt.Errorf("the run %s ended %s: tenant %s: %s %s", run.RunID, run.State, t.EntraTenantID, t.Error.Code, t.Error.Message)
			}
		}
		return "", hostclient.RunDetail{}, errors.New("the run " + run.RunID + " ended " + run.State)
	}
	c := run.Counters
	rate := float64(c.Total()) / j.Now().Sub(began).Seconds()
	said := fmt.Sprintf("%s, %d tenants, %d users (%.0f users/s): created %d, linked %d, updated %d, unchanged %d, to review %d, filtered %d, failed %d",
		run.State, run.ProcessedTenants, c.Total(), rate, c.Created, c.Linked, c.Updated, c.Unchanged, c.Ambiguous, c.Filtered, c.Failed)
	return said, detail, nil
}

// list writes counts by outcome, in a steady order.
func list(outcomes map[string]int) string {
	var parts []string
	for k, n := range outcomes {
		parts = append(parts, fmt.Sprintf("%d %s", n, k))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
