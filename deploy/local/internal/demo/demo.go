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
}

// Run does the main job: records loaded, partner connected, tenants discovered, exact matches
// confirmed, initial sync, and a second sync that changes nothing. It may be run again.
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
	said, _, err := j.sync(ctx, "initial")
	return said, err
}

func (j *job) secondSync(ctx context.Context) (string, error) {
	said, c, err := j.sync(ctx, "all-tenants")
	if err == nil && c.Created+c.Linked+c.Updated != 0 {
		err = fmt.Errorf("it changed something though nothing had changed upstream: %s", said)
	}
	return said, err
}

func (j *job) sync(ctx context.Context, scope string) (string, hostclient.Counters, error) {
	began := j.Now()
	detail, err := j.client.Sync(ctx, scope, nil)
	if err != nil {
		return "", hostclient.Counters{}, err
	}
	run := detail.Run
	if run.State != "completed" && run.State != "partial" {
		if run.Error != nil {
			return "", hostclient.Counters{}, fmt.Errorf("the run %s ended %s: %s %s", run.RunID, run.State, run.Error.Code, run.Error.Message)
		}
		for _, t := range detail.TenantResults {
			if t.Error != nil {
				return "", hostclient.Counters{}, fmt.Errorf("the run %s ended %s: tenant %s: %s %s", run.RunID, run.State, t.EntraTenantID, t.Error.Code, t.Error.Message)
			}
		}
		return "", hostclient.Counters{}, errors.New("the run " + run.RunID + " ended " + run.State)
	}
	c := run.Counters
	rate := float64(c.Total()) / j.Now().Sub(began).Seconds()
	said := fmt.Sprintf("%s, %d tenants, %d users (%.0f users/s): created %d, linked %d, updated %d, unchanged %d, to review %d, filtered %d, failed %d",
		run.State, run.ProcessedTenants, c.Total(), rate, c.Created, c.Linked, c.Updated, c.Unchanged, c.Ambiguous, c.Filtered, c.Failed)
	return said, c, nil
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
