package temporal

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/pkg/secrets"
)

const codecToken = "a-token-of-more-than-thirty-two-characters"

// codec serves what opens the payloads of a key.
func codec(t *testing.T, origin string) (address string, seal converter.PayloadCodec, tokenFile string) {
	t.Helper()
	box, err := secrets.OpenBox(keyFile(t))
	require.NoError(t, err)
	seal = newSealing(box, namespace)
	tokenFile = filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(tokenFile, []byte(codecToken+"\n"), 0o600))
	server := httptest.NewServer(Codec{TokenFile: tokenFile, Origin: origin}.handler(seal))
	t.Cleanup(server.Close)
	return server.URL, seal, tokenFile
}

// Temporal's command line shows the token in a header, the UI as a part of the address. Who shows
// another one, or asks from another page, opens nothing; nobody seals.
func TestOperatorsOpenWhatIsSealed(t *testing.T) {
	t.Parallel()
	const ui, word = "http://localhost:8233", "a-word-in-clear-text"
	address, seal, _ := codec(t, ui)
	clear := []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"` + word + `"`)}}
	sealed, err := seal.Encode(clear)
	require.NoError(t, err)

	for name, c := range map[string]struct{ endpoint, token, origin string }{
		"command line": {address, "Bearer " + codecToken, ""},
		"UI":           {address + "/" + codecToken, "", ui},
	} {
		opened, err := remote(c.endpoint, c.token, c.origin).Decode(sealed)
		require.NoError(t, err, name)
		require.True(t, proto.Equal(clear[0], opened[0]), name)
		_, err = remote(c.endpoint, c.token, c.origin).Encode(clear)
		require.Error(t, err, name)
	}
	body := `{"payloads":[]}`
	for name, c := range map[string]struct {
		path, token, origin string
		status              int
	}{
		"no token":              {"/decode", "", "", http.StatusUnauthorized},
		"another token":         {"/decode", "Bearer x" + codecToken, "", http.StatusUnauthorized},
		"another in the path":   {"/x/decode", "", ui, http.StatusUnauthorized},
		"another page":          {"/" + codecToken + "/decode", "", "http://localhost:8234", http.StatusForbidden},
		"a page without a name": {"/" + codecToken + "/decode", "", "null", http.StatusForbidden},
		"allowed":               {"/" + codecToken + "/decode", "", ui, http.StatusOK},
	} {
		res := ask(t, http.MethodPost, address+c.path, body, map[string]string{"Authorization": c.token, "Origin": c.origin})
		require.Equal(t, c.status, res.StatusCode, name)
		require.Equal(t, c.status != http.StatusForbidden && c.origin != "", res.Header.Get("Access-Control-Allow-Origin") == ui, name)
	}

	res := ask(t, http.MethodOptions, address+"/"+codecToken+"/decode", "", map[string]string{"Origin": ui, "Access-Control-Request-Method": "POST"})
	require.Equal(t, http.StatusNoContent, res.StatusCode)
	require.Equal(t, ui, res.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "X-Namespace")
	res = ask(t, http.MethodOptions, address+"/decode", "", map[string]string{"Origin": "https://elsewhere.example"})
	require.Equal(t, http.StatusForbidden, res.StatusCode)

	large := ask(t, http.MethodPost, address+"/decode", strings.Repeat(" ", largestSealed+1), map[string]string{"Authorization": "Bearer " + codecToken})
	require.Equal(t, http.StatusBadRequest, large.StatusCode)
}

// remote is a codec as Temporal's tools use it.
func remote(endpoint, token, origin string) converter.PayloadCodec {
	return converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{Endpoint: endpoint, ModifyRequest: func(r *http.Request) error {
		r.Header.Set("X-Namespace", namespace)
		set(r, map[string]string{"Authorization": token, "Origin": origin})
		return nil
	}})
}

func ask(t *testing.T, method, address, body string, headers map[string]string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	set(req, headers)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res
}

func set(r *http.Request, headers map[string]string) {
	for name, value := range headers {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
}

// A token that is taken away, or replaced, counts at once.
func TestACodecsTokenIsReplacedWhileItServes(t *testing.T) {
	t.Parallel()
	address, _, file := codec(t, "")
	require.NoError(t, os.Remove(file))
	try := func() int {
		return ask(t, http.MethodPost, address+"/decode", `{"payloads":[]}`, map[string]string{"Authorization": "Bearer " + codecToken}).StatusCode
	}
	require.Equal(t, http.StatusServiceUnavailable, try())
	require.NoError(t, os.WriteFile(file, []byte(codecToken), 0o600))
	require.Equal(t, http.StatusOK, try())
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("n", shortestToken)), 0o600))
	require.Equal(t, http.StatusUnauthorized, try())
}

func TestACodecIsForThisMachineAndNeedsAToken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token, short := filepath.Join(dir, "token"), filepath.Join(dir, "short")
	require.NoError(t, os.WriteFile(token, []byte(codecToken), 0o600))
	require.NoError(t, os.WriteFile(short, []byte("secret"), 0o600))
	sealed := Connection{PayloadKeyFile: keyFile(t)}
	for name, c := range map[string]struct {
		codec      Codec
		connection Connection
		says       string // empty: it serves
	}{
		"loopback":       {Codec{Listen: "127.0.0.1:0", TokenFile: token, Origin: "http://localhost:8233"}, sealed, ""},
		"no page":        {Codec{Listen: "localhost:0", TokenFile: token}, sealed, ""},
		"everybody":      {Codec{Listen: ":0", TokenFile: token}, sealed, "not on this machine"},
		"any address":    {Codec{Listen: "0.0.0.0:0", TokenFile: token}, sealed, "not on this machine"},
		"no port":        {Codec{Listen: "localhost", TokenFile: token}, sealed, "CODEC_LISTEN"},
		"no token":       {Codec{Listen: "127.0.0.1:0"}, sealed, "TOKEN_FILE"},
		"a short one":    {Codec{Listen: "127.0.0.1:0", TokenFile: short}, sealed, "fewer than 32"},
		"a page":         {Codec{Listen: "127.0.0.1:0", TokenFile: token, Origin: "http://localhost:8233/"}, sealed, "ORIGIN"},
		"any page":       {Codec{Listen: "127.0.0.1:0", TokenFile: token, Origin: "*"}, sealed, "ORIGIN"},
		"nothing sealed": {Codec{Listen: "127.0.0.1:0", TokenFile: token}, Connection{}, "PAYLOAD_KEY_FILE"},
	} {
		server, err := c.codec.Server(t.Context(), c.connection)
		if c.says == "" {
			require.NoError(t, err, name)
			require.NoError(t, server.Stop(t.Context()), name)
			continue
		}
		require.ErrorContains(t, err, c.says, name)
	}
}
