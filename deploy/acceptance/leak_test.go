package acceptance

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// requireNothingLeaked searches everything that a system has written down for every secret that
// the simulated Microsoft has ever given or taken: tokens, codes, verifiers, client secrets. It
// runs at the end of every test that had a system, before the system goes.
func (w *world) requireNothingLeaked(t testing.TB) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var issued []string
	require.NoError(t, json.Unmarshal(w.simulator(t, "GET", "/admin/issued", nil), &issued))
	require.NotEmpty(t, issued)
	for _, secret := range issued {
		require.GreaterOrEqual(t, len(secret), beginning, "too short to be looked for")
	}
	written, secrets := w.written(ctx, t), lookFor(issued)
	for place, text := range written {
		if secret, found := secrets.in(text); found {
			t.Errorf("%s holds a secret of %d bytes", place, len(secret))
		}
	}
	w.requireNobodyNamed(t, written)
}

// requireNobodyNamed searches the logs and all that Temporal keeps for addresses and sign-in names of
// people: whoever looks after the system reads these without being entitled to know them.
func (w *world) requireNobodyNamed(t testing.TB, written map[string][]byte) {
	t.Helper()
	people := map[string]bool{}
	for _, tenant := range w.fleet.Customers() {
		for _, domain := range tenant.Domains {
			people[domain.Name] = true
		}
	}
	require.NotEmpty(t, people)
	for place, text := range written {
		if !strings.HasPrefix(place, "log ") && !strings.HasPrefix(place, "temporal") {
			continue
		}
		for _, domain := range mailDomains(text) {
			if people[domain] {
				t.Errorf("%s names somebody at %s", place, domain)
			}
		}
	}
}

// longestDomain is how many bytes a domain's name has at most.
const longestDomain = 253

// mailDomains are the domains of what looks like addresses, each once. It looks for the mark before
// a domain first: a regular expression that goes through megabytes byte by byte takes half a second
// for each under the race detector.
func mailDomains(text []byte) []string {
	found := map[string]bool{}
	for _, at := range [][]byte{[]byte("@"), []byte("%40")} {
		_, rest, more := bytes.Cut(text, at)
		for more {
			if name := mailDomain.Find(rest[:min(len(rest), longestDomain)]); name != nil {
				found[strings.ToLower(string(name))] = true
			}
			_, rest, more = bytes.Cut(rest, at)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

var mailDomain = regexp.MustCompile(`^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)

// beginning is how many bytes of a form are compared first.
const beginning = 8

// search finds any of many secrets, each in every form, in one pass over a text: there are thousands of
// them, and hundreds of megabytes in which they must not be.
type search struct {
	// maybe has a bit set for what may be the beginning of a form, so that few places are looked up.
	maybe [1 << 14]uint64
	forms map[uint64][]form
}

type form struct {
	text   []byte
	secret string
}

func lookFor(secrets []string) *search {
	s := &search{forms: map[uint64][]form{}}
	for _, secret := range secrets {
		for _, text := range formsOf(secret) {
			begins := binary.LittleEndian.Uint64(text)
			word, bit := place(begins)
			s.maybe[word] |= bit
			s.forms[begins] = append(s.forms[begins], form{text, secret})
		}
	}
	return s
}

// place is where the filter has the bit of a beginning.
func place(begins uint64) (word int, bit uint64) {
	hash := begins * 0x9e3779b97f4a7c15 >> 44
	return int(hash >> 6), 1 << (hash & 63)
}

func (s *search) in(text []byte) (secret string, found bool) {
	for i := range max(0, len(text)-beginning+1) {
		begins := binary.LittleEndian.Uint64(text[i:])
		word, bit := place(begins)
		if s.maybe[word]&bit == 0 {
			continue
		}
		for _, form := range s.forms[begins] {
			if bytes.HasPrefix(text[i:], form.text) {
				return form.secret, true
			}
		}
	}
	return "", false
}

func holds(text []byte, secret string) bool {
	_, found := lookFor([]string{secret}).in(text)
	return found
}

// TestASecretIsFoundInEveryForm keeps the search honest.
func TestASecretIsFoundInEveryForm(t *testing.T) {
	const secret = "0.AXoA/9+secret=~value-of-some_length"
	for name, hide := range map[string]func(string) string{
		"as it is":      func(s string) string { return s },
		"in an address": url.QueryEscape,
		"hex":           func(s string) string { return hex.EncodeToString([]byte(s)) },
		"base64":        func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"raw base64":    func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
		"JSON":          func(s string) string { return `{"token":` + strconv.Quote(s) + `}` },
	} {
		for _, before := range []string{"", "x", "xy", "xyz", "Bearer "} {
			require.True(t, holds([]byte("\x00\x01"+hide(before+secret+" and more")), secret), "%s after %q", name, before)
			require.False(t, holds([]byte(hide(before+"another value altogether")), secret))
		}
	}
}

// TestPeopleAreFoundByTheirAddresses keeps the search honest.
func TestPeopleAreFoundByTheirAddresses(t *testing.T) {
	require.Equal(t, []string{"acme.example", "b.co.uk"},
		mailDomains([]byte("\x00{\"mail\":\"ann@Acme.example\"}\x01 q=ann%40b.co.uk&x=1 user@host 1.2@3")))
}

// formsOf is how a secret may look in a place: as it is, escaped for an address, as base64 at any
// of the three offsets, or in hexadecimal digits.
func formsOf(secret string) [][]byte {
	raw := []byte(secret)
	forms := [][]byte{raw, []byte(hex.EncodeToString(raw))}
	if escaped := url.QueryEscape(secret); escaped != secret {
		forms = append(forms, []byte(escaped))
	}
	for offset := range 3 {
		shifted := append(make([]byte, offset), raw...)
		encoded := base64.RawStdEncoding.EncodeToString(shifted)
		// What the neighbouring bytes decide is left out at both ends.
		forms = append(forms, []byte(encoded[(offset*8+5)/6:len(encoded)-2]))
	}
	return forms
}

// written is everything that stands somewhere, by place: every table of every database of the
// server (Temporal's histories among them) as raw bytes, and every log.
func (w *world) written(ctx context.Context, t testing.TB) map[string][]byte {
	t.Helper()
	places := map[string][]byte{}
	server := w.connect(ctx, t, "")
	var databases []string
	require.NoError(t, server.QueryRow(ctx, "SELECT array_agg(datname) FROM pg_database WHERE datallowconn").Scan(&databases))
	require.NoError(t, server.Close(ctx))
	for _, name := range databases {
		dumpInto(ctx, t, places, w.connect(ctx, t, name), name)
	}
	logs, err := filepath.Glob(filepath.Join(w.urls.Logs, "*"))
	require.NoError(t, err)
	for _, path := range logs {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		places["log "+filepath.Base(path)] = text
	}
	// The search is worth something only if it reads what it says.
	require.NotEmpty(t, places["log connection.log"])
	require.Contains(t, string(places["temporal.public.namespaces"]), "entrasync")
	require.Contains(t, places, "temporal.public.history_node")
	require.Contains(t, places, "entrasync.connection.secrets")
	require.Contains(t, places, "entrasync.syncengine.contacts")
	return places
}

// connect opens a database of the system's server, as an administrator.
func (w *world) connect(ctx context.Context, t testing.TB, database string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(w.urls.Database)
	require.NoError(t, err)
	if database != "" {
		config.Database = database
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	require.NoError(t, err)
	return conn
}

// dumpInto reads every table of a database, whoever it belongs to, and closes the connection. The
// temporary tables of another session are left out: the server lets nobody read them.
func dumpInto(ctx context.Context, t testing.TB, places map[string][]byte, conn *pgx.Conn, database string) {
	t.Helper()
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	found, err := conn.Query(ctx, `
		SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(found, pgx.RowTo[string])
	require.NoError(t, err)
	for _, table := range tables {
		var text bytes.Buffer
		_, err := conn.PgConn().CopyTo(ctx, &text, "COPY (SELECT * FROM "+table+") TO STDOUT (FORMAT binary)")
		require.NoError(t, err)
		places[database+"."+table] = text.Bytes()
	}
}
