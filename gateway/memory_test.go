package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/identity/identitytest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

const (
	many      = 1_000_000 // elements, and levels of nesting
	peakAbove = 64 << 10  // kB that one request may take above the idle process
	answerMax = 64_000    // bytes of an answer, its headers and trailers included
)

var (
	exhaustive = flag.Bool("exhaustive", false, "send every attack over each protocol, not over one")
	attackSeed = flag.Uint64("attack.seed", rand.Uint64(), "chooses over which protocol attacks are sent")
)

// attacked is a gateway in a process of its own, as it is delivered: built without
// the race detector, measured by the kernel.
type attacked struct {
	t      *testing.T
	url    string
	token  string
	key    string
	pid    int
	idle   int // kB
	peak   int // kB, the highest so far
	client *http.Client
	h2     *http.Client
	silent bool // about the length of bodies
}

// startAttacked starts the gateway, in front of a mapping and a sync-engine that
// read whole requests and do nothing with them, and lets it come to rest.
func startAttacked(t *testing.T, binary string, methods []access.Method) *attacked {
	t.Helper()
	variables, network := environment(t), rpctest.New(t)
	issuer := identitytest.New(t)
	sum := sha256.Sum256([]byte("key"))
	maps.Copy(variables, map[string]string{
		"ENTRASYNC_TLS_DIR": network.Dir("gateway"), "ENTRASYNC_AUTH_ISSUER": issuer.URL,
		"ENTRASYNC_PLATFORM_KEY_HASH": hex.EncodeToString(sum[:]), "ENTRASYNC_RATE_TENANT": "0", "ENTRASYNC_RATE_USER": "0",
		"ENTRASYNC_MAPPING_ADDR": network.Serve("mapping", func(r grpc.ServiceRegistrar) {
			mappingv1.RegisterMappingServiceServer(r, mappingv1.UnimplementedMappingServiceServer{})
			mappingv1.RegisterClientServiceServer(r, mappingv1.UnimplementedClientServiceServer{})
		}),
		"ENTRASYNC_SYNC_ENGINE_ADDR": network.Serve("sync-engine", func(r grpc.ServiceRegistrar) {
			syncenginev1.RegisterContactServiceServer(r, syncenginev1.UnimplementedContactServiceServer{})
		}),
	})
	for _, away := range []string{"CONNECTION", "DISCOVERY", "RECONCILIATION", "WORKER"} {
		variables["ENTRASYNC_"+away+"_ADDR"] = rpctest.FreeAddress(t)
	}
	process := exec.CommandContext(context.WithoutCancel(t.Context()), binary) // ends in the cleanup
	process.Env = os.Environ()
	for name, value := range variables {
		process.Env = append(process.Env, name+"="+value)
	}
	process.Stderr = os.Stderr
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		require.NoError(t, process.Process.Signal(os.Interrupt))
		require.NoError(t, process.Wait())
	})
	a := &attacked{
		t: t, url: "http://" + variables["ENTRASYNC_LISTEN"], token: administrator(t, issuer), key: "key", pid: process.Process.Pid,
		client: &http.Client{Timeout: time.Minute}, h2: &http.Client{Timeout: time.Minute, Transport: http2Only()},
	}
	require.Eventually(t, func() bool {
		res, err := a.client.Get(a.url + "/readyz")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, http.StatusOK, a.send("flags", "POST", "/api/v1/platform-feature-flags", []byte(`{"__action":"ensure_entra_phase1_flags"}`), "Content-Type", "application/json"))
	for _, flag := range []string{"entra-integration-ui", "entra-integration-client-sync-action", "entra-integration-field-sync", "entra-integration-ambiguous-queue"} {
		path := "/api/v1/platform-feature-flags/" + flag + "/tenants"
		require.Equal(t, http.StatusOK, a.send(flag, "POST", path, []byte(`{"__action":"add","tenantId":"t1"}`), "Content-Type", "application/json"))
	}
	for _, m := range methods { // what is made once for each method is there
		a.send("warm "+m.Procedure, "POST", m.Procedure, []byte(`{}`), "Content-Type", "application/json")
		a.send("warm "+m.Procedure, "POST", m.Procedure, frame(nil, 0), "Content-Type", "application/grpc", "Te", "trailers")
	}
	a.idle = a.memory("VmRSS")
	return a
}

func http2Only() *http.Transport {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return transport
}

// memory reads a figure in kB from the kernel's account of the process.
func (a *attacked) memory(name string) int {
	a.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.pid))
	require.NoError(a.t, err)
	found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(text)
	require.NotNil(a.t, found, name)
	n, err := strconv.Atoi(string(found[1]))
	require.NoError(a.t, err)
	return n
}

// send sends a request and holds its answer and the process's memory against the
// bounds. Status 0 is an answer that the gateway gave while the rest of the request
// was still being written, and that the client did not get to see.
func (a *attacked) send(name, verb, path string, body []byte, headers ...string) (status int) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), verb, a.url+path, bytes.NewReader(body))
	require.NoError(a.t, err)
	if a.silent {
		r.ContentLength, r.Body = -1, io.NopCloser(bytes.NewReader(body))
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("X-Api-Key", a.key)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := a.client
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") && !strings.Contains(r.Header.Get("Content-Type"), "web") {
		client = a.h2
	}
	size := 0
	if res, err := client.Do(r); err == nil {
		raw, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		size, status = len(raw), res.StatusCode
		for _, header := range []http.Header{res.Header, res.Trailer} {
			for key, values := range header {
				size += len(key) + len(strings.Join(values, ""))
			}
		}
	}
	require.Less(a.t, size, answerMax, name)
	if a.idle > 0 {
		if peak := a.memory("VmHWM"); peak > a.peak {
			a.peak = peak
			a.t.Logf("%d kB above idle after %s (%d bytes, answered %d)", peak-a.idle, name, len(body), status)
		}
		require.LessOrEqual(a.t, a.peak-a.idle, peakAbove, name)
	}
	return status
}

// attack is a body that costs its sender little. Some are JSON, the others the
// binary encoding.
type attack struct {
	kind, field  string // the field is empty where the attack is the same on every method
	json, binary *repeated
}

// attacks on a method: a million elements in each list of its request, at any
// depth, or in a field that has none, and a million levels.
func attacks(m access.Method) []attack {
	out := []attack{
		{"unknown list", "", around(`{"surprise":[`, `{}`, `]}`), empties(15)},
		{"deep lists", "", &repeated{head: `{"surprise":`, unit: "[", n: many}, &repeated{unit: string(protowire.AppendTag(nil, 1, protowire.StartGroupType)), n: many}},
		{"deep objects", "", &repeated{unit: `{"a":`, n: many}, nil},
		{"long name", "", &repeated{head: `{"`, unit: "<", n: many / 2, tail: `":1}`}, nil},
	}
	if fields := m.Descriptor.Input().Fields(); fields.Len() > 0 {
		f := fields.Get(0)
		out = append(out,
			attack{"list in the first field", f.JSONName(), around(`{"`+f.JSONName()+`":[[`, `{}`, `]]}`), empties(f.Number())},
			attack{"depth in the first field", f.JSONName(), &repeated{head: `{"` + f.JSONName() + `":`, unit: "[", n: many}, nil})
	}
	return append(out, lists(m.Descriptor.Input(), "{", "}", nil)...)
}

// lists are the attacks on the lists of a message; before, after and within say
// where in the request the message stands.
func lists(message protoreflect.MessageDescriptor, before, after string, within []protowire.Number) (out []attack) {
	for i := range message.Fields().Len() {
		f := message.Fields().Get(i)
		element := `""`
		if f.Message() != nil {
			element = `{}`
		}
		name, end := `"`+f.JSONName()+`":`, ""
		if f.IsList() {
			name, end = name+"[", "]"
			out = append(out, attack{"list of", string(f.FullName()), around(before+name, element, end+after), empties(f.Number()).within(within)})
		}
		if f.Message() != nil && !f.IsMap() {
			out = append(out, lists(f.Message(), before+name+"{", "}"+end+after, append(within[:len(within):len(within)], f.Number()))...)
		}
	}
	return out
}

func around(before, element, after string) *repeated {
	return &repeated{head: before, unit: element + ",", n: many - 1, tail: element + after}
}

func empty(number protowire.Number) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), nil)
}

func empties(number protowire.Number) *repeated {
	return &repeated{unit: string(empty(number)), n: many}
}

// frame is a message as gRPC and gRPC-Web send it.
func frame(raw []byte, compressed byte) []byte {
	return append([]byte{compressed, byte(len(raw) >> 24), byte(len(raw) >> 16), byte(len(raw) >> 8), byte(len(raw))}, raw...)
}

// tenfold is text of which about a tenth is left by gzip.
func tenfold(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2)) // repeatable, not secret
	var out strings.Builder
	out.WriteString(`{"surprise":[`)
	for out.Len() < n {
		fmt.Fprintf(&out, `{"name":"%08x%s"},`, random.Uint32(), strings.Repeat("n", 90))
	}
	return []byte(out.String() + `{}]}`)
}

var variables = regexp.MustCompile(`\{[^}]+\}`)

func TestNoSingleRequestTakesMuchMemoryOrGetsALongAnswer(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "gateway")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	methods, err := access.PublicMethods()
	require.NoError(t, err)
	methods = access.Offered(methods)
	// A process each: what one leaves to the collector is not the next one's.
	for name, send := range map[string]func(*attacked, []access.Method){
		"lists and depth": (*attacked).shapes, "compressed": (*attacked).bombs, "of unknown length": (*attacked).chunks, "the largest": (*attacked).largest,
	} {
		t.Run(name, func(t *testing.T) {
			a := startAttacked(t, binary, methods)
			send(a, methods)
			t.Logf("idle %d kB, highest %d kB above", a.idle, a.peak-a.idle)
		})
	}
}

// shapes sends every attack to every method: over each protocol or, unless -exhaustive says so, over one.
// Which one is chosen so that every kind of attack comes over each protocol about equally often.
func (a *attacked) shapes(methods []access.Method) {
	a.t.Helper()
	a.t.Logf("-attack.seed=%d", *attackSeed)
	dice := rand.New(rand.NewPCG(*attackSeed, 0)) // it chooses what is tried
	sent, possible := map[way]int{}, map[way]bool{}
	for _, m := range methods {
		path := variables.ReplaceAllString(m.Path, "x")
		if m.Body == "" {
			a.send("query of "+m.Name(), m.Verb, path+"?"+strings.Repeat("%3C=%22&", 7000), nil)
			a.send("path of "+m.Name(), m.Verb, strings.ReplaceAll(path, "/x", "/"+strings.Repeat("%3C", 20_000)), nil)
		}
		for _, at := range attacks(m) {
			ways := at.over(m)
			for _, w := range ways {
				possible[w] = true
			}
			if !*exhaustive {
				dice.Shuffle(len(ways), func(i, j int) { ways[i], ways[j] = ways[j], ways[i] })
				ways = []way{slices.MinFunc(ways, func(v, w way) int { return cmp.Compare(sent[v], sent[w]) })}
			}
			for _, w := range ways {
				sent[w]++
				a.attack(m, at, w.protocol)
			}
		}
	}
	for w := range possible {
		require.Positive(a.t, sent[w], "%s over %s", w.kind, w.protocol)
	}
}

// way is a kind of attack over a protocol.
type way struct{ kind, protocol string }

// over is how the attack can be sent to the method.
func (at attack) over(m access.Method) []way {
	protocols := []string{"Connect JSON", "Connect JSON gzip"}
	if m.Body != "" {
		protocols = append(protocols, "REST")
	}
	if at.binary != nil {
		protocols = append(protocols, "Connect", "gRPC", "gRPC-Web", "Connect gzip", "gRPC gzip")
	}
	ways := make([]way, len(protocols))
	for i, protocol := range protocols {
		ways[i] = way{kind: at.kind, protocol: protocol}
	}
	return ways
}

// attack sends one attack to a method over a protocol.
func (a *attacked) attack(m access.Method, at attack, protocol string) {
	a.t.Helper()
	name := fmt.Sprintf("%s, %s %s, of %s", protocol, at.kind, at.field, m.Name())
	switch protocol {
	case "REST":
		status := a.send(name, m.Verb, variables.ReplaceAllString(m.Path, "x"), at.json.raw(), "Content-Type", "application/json")
		require.Contains(a.t, []int{0, 400, 413}, status, name)
	case "Connect JSON":
		a.send(name, "POST", m.Procedure, at.json.raw(), "Content-Type", "application/json")
	case "Connect JSON gzip":
		a.send(name, "POST", m.Procedure, at.json.packed(a.t), "Content-Type", "application/json", "Content-Encoding", "gzip")
	case "Connect":
		a.send(name, "POST", m.Procedure, at.binary.raw(), "Content-Type", "application/proto")
	case "gRPC":
		a.send(name, "POST", m.Procedure, frame(at.binary.raw(), 0), "Content-Type", "application/grpc", "Te", "trailers")
	case "gRPC-Web":
		a.send(name, "POST", m.Procedure, frame(at.binary.raw(), 0), "Content-Type", "application/grpc-web+proto")
	case "Connect gzip":
		a.send(name, "POST", m.Procedure, at.binary.packed(a.t), "Content-Type", "application/proto", "Content-Encoding", "gzip")
	case "gRPC gzip":
		a.send(name, "POST", m.Procedure, frame(at.binary.packed(a.t), 1), "Content-Type", "application/grpc", "Te", "trailers", "Grpc-Encoding", "gzip")
	default:
		require.Fail(a.t, "no such protocol", protocol)
	}
}

// bombs sends bodies that become ten and a thousand times as large.
func (a *attacked) bombs(methods []access.Method) {
	a.t.Helper()
	thousandfold := (&repeated{unit: " ", n: 256 << 20}).packed(a.t)
	tenth := compressed(a.t, tenfold(4<<20-4096))
	require.Less(a.t, len(thousandfold), 256<<20/900)
	require.Less(a.t, len(tenth), 4<<20/8)
	require.Greater(a.t, len(tenth), 4<<20/50)
	for _, m := range methods {
		a.compressed("1,000:1", m, thousandfold)
		a.compressed("10:1", m, tenth)
	}
}

// chunks sends bodies that do not say how long they are.
func (a *attacked) chunks(methods []access.Method) {
	a.t.Helper()
	a.silent = true
	at := attacks(methods[0])[2] // the same for all: five times what most take
	raw := at.json.raw()
	for _, m := range methods {
		a.send("Connect JSON in chunks, "+at.kind+" of "+m.Name(), "POST", m.Procedure, raw, "Content-Type", "application/json")
		if m.Body != "" {
			path := variables.ReplaceAllString(m.Path, "x")
			status := a.send("REST in chunks, "+at.kind+" of "+m.Name(), m.Verb, path, raw, "Content-Type", "application/json")
			require.Contains(a.t, []int{0, 400, 413}, status, m.Name())
		}
	}
}

// compressed sends a compressed body over each protocol.
func (a *attacked) compressed(name string, m access.Method, small []byte) {
	a.t.Helper()
	name += " of " + m.Name()
	a.send("Connect JSON, "+name, "POST", m.Procedure, small, "Content-Type", "application/json", "Content-Encoding", "gzip")
	a.send("gRPC, "+name, "POST", m.Procedure, frame(small, 1), "Content-Type", "application/grpc", "Te", "trailers", "Grpc-Encoding", "gzip")
	a.send("gRPC-Web, "+name, "POST", m.Procedure, frame(small, 1), "Content-Type", "application/grpc-web+proto", "Grpc-Encoding", "gzip")
	if m.Body != "" {
		path := variables.ReplaceAllString(m.Path, "x")
		a.send("REST, "+name, m.Verb, path, small, "Content-Type", "application/json", "Content-Encoding", "gzip")
	}
}

// largest sends what is as large as the contract allows, and is served.
func (a *attacked) largest([]access.Method) {
	a.t.Helper()
	records := func(list, record string, n int) []byte {
		return []byte(`{"` + list + `":[` + strings.TrimSuffix(strings.Repeat(record+",", n), ",") + `]}`)
	}
	text := strings.Repeat("n", 700)
	for path, body := range map[string][]byte{
		"/api/clients:batch":  records("clients", `{"externalId":"e","name":"`+text+`","emailDomains":["a.example","b.example"]}`, 5000),
		"/api/contacts:batch": records("contacts", `{"externalId":"e","fullName":"`+text+`","email":"a@b.example"}`, 5000),
	} {
		require.Equal(a.t, 501, a.send("the largest "+path, "PUT", path, body, "Content-Type", "application/json"))
	}
	csv := []byte("managed_tenant_id,decision\n" + strings.Repeat("m,map\n", 600_000))
	require.Equal(a.t, 501, a.send("the largest CSV", "POST", "/api/integrations/entra/mappings/import", csv, "Content-Type", "text/csv"))
	q := url.Values{"q": {strings.Repeat("q", 60_000)}}
	a.send("a long search", "GET", "/api/contacts?"+q.Encode(), nil)
	wrong := records("decisions", `{}`, 5000)
	require.Equal(a.t, 400, a.send("5,000 wrong decisions", "POST", "/api/integrations/entra/mappings/confirm", wrong, "Content-Type", "application/json"))
	a.send("5,000 wrong decisions over Connect", "POST", "/entrasync.mapping.v1.MappingService/ConfirmMappings", wrong, "Content-Type", "application/json")
	binary := bytes.Repeat(empty(1), 5000)
	a.send("5,000 wrong decisions over gRPC", "POST", "/entrasync.mapping.v1.MappingService/ConfirmMappings", frame(binary, 0), "Content-Type", "application/grpc", "Te", "trailers")
}
