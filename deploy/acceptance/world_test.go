package acceptance

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	stdsync "sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/local/stack"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

const (
	read   = "system_settings.read"
	update = "system_settings.update"
)

// allFlags are the flags that open every screen of the integration.
var allFlags = []string{
	"entra-integration-ui", "entra-integration-client-sync-action",
	"entra-integration-field-sync", "entra-integration-ambiguous-queue",
}

// world is a running system with its simulated Microsoft.
type world struct {
	stack *stack.Stack
	urls  stack.URLs
	fleet *fleet.Fleet
	hosts []string // addresses to which a shared one sends webhooks
}

// start starts a system with a fleet and stops it when the test ends.
func start(t testing.TB, options stack.Options) *world {
	t.Helper()
	w := newWorld(t, options)
	t.Cleanup(func() {
		defer func() { require.NoError(t, w.stack.Stop()) }()
		w.look(t)
	})
	return w
}

// built builds what every system runs, once, however long the compiler takes: the bound of a start is for
// what hangs.
var built = stdsync.OnceValue(func() error { return stack.Build(context.Background(), stack.Options{}, os.Stderr) })

func newWorld(t testing.TB, options stack.Options) *world {
	t.Helper()
	require.NoError(t, built())
	if options.Fleet == "" {
		options.Fleet = string(fleet.Small)
	}
	options.Volatile = true
	if _, measured := t.(*testing.B); !measured {
		options.Inherit = append(options.Inherit, "ENTRASYNC_LOG_LEVEL=debug") // the most that is ever logged
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	f, err := fleet.New(fleetConfig(options.Fleet))
	require.NoError(t, err)
	s, err := stack.Start(ctx, options)
	require.NoError(t, err)
	return &world{stack: s, urls: s.URLs(), fleet: f}
}

// look is what is done at the end of every test that had a system.
func (w *world) look(t testing.TB) {
	t.Helper()
	if t.Failed() {
		showLogs(t, w.urls.Logs)
		return
	}
	w.requireNothingLeaked(t)
}

// msp makes a new MSP: every flag is on for it, and the client acts as its administrator.
func (w *world) msp(t testing.TB, tenant string) *hostclient.Client {
	t.Helper()
	require.NoError(t, w.platform().EnableFlags(t.Context(), tenant, allFlags...))
	return w.person(t, tenant, "internal", read, update)
}

// platform is a client with the platform key.
func (w *world) platform() *hostclient.Client {
	c := hostclient.NewClient(w.urls.Gateway, "")
	c.PlatformKey = w.urls.PlatformKey
	return c
}

// person signs somebody in.
func (w *world) person(t testing.TB, tenant, userType string, permissions ...string) *hostclient.Client {
	t.Helper()
	token, err := hostclient.Token(t.Context(), w.urls.Identity, tenant, "somebody", userType, permissions...)
	require.NoError(t, err)
	return hostclient.NewClient(w.urls.Gateway, token)
}

// load sends the MSP's clients and contacts.
func (w *world) load(t testing.TB, c *hostclient.Client) {
	t.Helper()
	_, err := hostclient.Upsert(t.Context(), c, "/api/clients:batch", "clients", slices.Collect(w.fleet.MSP().Clients()))
	require.NoError(t, err)
	_, err = hostclient.Upsert(t.Context(), c, "/api/contacts:batch", "contacts", slices.Collect(w.fleet.MSP().Contacts()))
	require.NoError(t, err)
}

// discovered brings a new MSP to where people decide: records loaded, partner connected, tenants
// discovered.
func (w *world) discovered(t testing.TB, tenant string) *hostclient.Client {
	t.Helper()
	c := w.msp(t, tenant)
	w.load(t, c)
	require.NoError(t, c.Connect(t.Context()))
	_, err := c.Discover(t.Context())
	require.NoError(t, err)
	return c
}

// mapped brings a new MSP to where a sync can start: discovered, exact matches confirmed.
func (w *world) mapped(t testing.TB, tenant string) *hostclient.Client {
	t.Helper()
	c := w.discovered(t, tenant)
	_, err := c.ConfirmExact(t.Context())
	require.NoError(t, err)
	return c
}

// sync runs a sync to its end, within a bound.
func sync(t testing.TB, c *hostclient.Client, scope string) hostclient.RunDetail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	detail, err := c.Sync(ctx, scope, nil)
	require.NoError(t, err)
	return detail
}

// database connects as an administrator, for what the interface does not show.
func (w *world) database(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.urls.Database)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// simulator sends an administrator's order to the simulated Microsoft.
func (w *world) simulator(t testing.TB, method, path string, body any) json.RawMessage {
	t.Helper()
	c := hostclient.NewClient(w.urls.Simulator, "")
	var out json.RawMessage
	// Also for what is asked at a test's end, when its context is over.
	res, err := c.Send(context.WithoutCancel(t.Context()), method, path, body)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Less(t, res.StatusCode, http.StatusBadRequest, "%s %s: %s", method, path, text)
	if len(text) > 0 {
		require.NoError(t, json.Unmarshal(text, &out))
	}
	return out
}

// row is one contact without what differs from run to run: ids and times.
type row struct {
	Client, FullName, Email, Phone, Role, ObjectID, EntraTenant, Source, UPN, Status, Reason, Link string
	Inactive                                                                                       bool
}

// rows are all contacts of an MSP, comparable with those of another one on the same fleet.
func rows(t testing.TB, c *hostclient.Client) []row {
	t.Helper()
	clients, err := c.Clients(t.Context())
	require.NoError(t, err)
	name := map[string]string{}
	for _, client := range clients {
		name[client.ID] = client.ExternalID
	}
	contacts, err := c.Contacts(t.Context(), nil)
	require.NoError(t, err)
	out := make([]row, 0, len(contacts))
	for _, contact := range contacts {
		out = append(out, row{
			Client: name[contact.ClientID], FullName: contact.FullName, Email: contact.Email, Phone: contact.Phone,
			Role: contact.Role, ObjectID: text(contact.EntraObjectID), EntraTenant: text(contact.EntraTenantID),
			Source: text(contact.EntraSyncSource), UPN: text(contact.EntraUPN), Status: text(contact.EntraSyncStatus),
			Reason: text(contact.EntraSyncStatusReason), Link: text(contact.LinkStatus), Inactive: contact.Inactive,
		})
	}
	slices.SortFunc(out, func(a, b row) int { return strings.Compare(a.key(), b.key()) })
	return out
}

func (r row) key() string {
	return strings.Join([]string{r.Client, r.ObjectID, r.Email, r.FullName}, "\x00")
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
