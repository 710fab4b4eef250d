package acceptance

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/local/stack"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

var (
	// An address in running text or a table, with or without its scheme.
	localAddress = regexp.MustCompile("(?:http://)?localhost:[0-9]+[^\\s\"'`|)]*")
	shellBlock   = regexp.MustCompile("(?s)```sh\n(.*?)```")
)

// TestEveryAddressThatIsNamedLeadsSomewhere opens what the README and the summary of `make up`
// name, as a newcomer does, and runs their first call.
func TestEveryAddressThatIsNamedLeadsSomewhere(t *testing.T) {
	t.Parallel()
	w := share(t, fleet.Tiny)
	options := stack.Options{Fleet: string(fleet.Tiny), Ports: w.stack.Options().Ports}
	w.msp(t, "msp-demo")
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	readme := withPorts(t, string(text), options.Ports)

	opened := 0
	look := func(address string) {
		opened++
		if !strings.HasPrefix(address, "http://") {
			address = "http://" + address
		}
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := client.Get(address)
		require.NoError(t, err)
		page, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		if res.StatusCode == http.StatusServiceUnavailable {
			// The tests build no console; its address then says how it is built.
			require.Contains(t, string(page), "The console is not built", address)
			return
		}
		require.Less(t, res.StatusCode, http.StatusBadRequest, address)
	}
	for _, address := range localAddress.FindAllString(shellBlock.ReplaceAllString(readme, ""), -1) {
		look(address)
	}
	require.Greater(t, opened, 4, "the README names addresses")
	places, err := stack.Places(options)
	require.NoError(t, err)
	require.Len(t, places, 4)
	for _, place := range places {
		look(place.Address)
	}

	calls := []string{w.urls.FirstCall("msp-demo")}
	for _, block := range shellBlock.FindAllStringSubmatch(readme, -1) {
		if strings.Contains(block[1], "curl ") {
			calls = append(calls, block[1])
		}
	}
	require.Len(t, calls, 2, "the summary and the README have one each")
	for _, call := range calls {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", call).Output()
		require.NoError(t, err, call)
		var status struct{ Status string }
		require.NoError(t, json.Unmarshal(out, &status), "%s: %s", call, out)
		require.Equal(t, "not_connected", status.Status, call)
	}
}

// withPorts puts the ports of a stack in the place of the usual ones.
func withPorts(t *testing.T, text string, ports stack.Ports) string {
	t.Helper()
	usual, err := stack.FromEnv("/", nil)
	require.NoError(t, err)
	var pairs []string
	for from, to, i := reflect.ValueOf(usual.Ports), reflect.ValueOf(ports), 0; i < from.NumField(); i++ {
		pairs = append(pairs, "localhost:"+strconv.FormatInt(from.Field(i).Int(), 10), "localhost:"+strconv.FormatInt(to.Field(i).Int(), 10))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
