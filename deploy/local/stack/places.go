package stack

import (
	"fmt"
	"slices"

	"github.com/entrasync/entrasync/deploy/local/internal/ports"
)

// Place is an address that a person can open in a browser.
type Place struct {
	Address string
	// Shows says in a few words what is there.
	Shows string
}

// Places lists what there is to look at in a running stack with these options, without what the
// stack does not start.
func Places(options Options) ([]Place, error) {
	o, err := options.complete()
	if err != nil {
		return nil, err
	}
	var list []Place
	add := func(process, address, shows string) {
		if !slices.Contains(o.Without, process) {
			list = append(list, Place{Address: address, Shows: shows})
		}
	}
	if o.Console {
		add("gateway", o.gatewayURL(), "the console: sign in as the administrator")
	}
	add("gateway", o.gatewayURL()+"/docs", "the HTTP interface")
	if o.TemporalUIWritable {
		add("temporal-ui", o.temporalUIURL(), "Temporal: every run as a workflow")
	} else {
		add("temporal-ui", o.temporalUIURL(), "Temporal: every run as a workflow, to look at only")
	}
	if o.OwnDirectory() {
		add("simulator", o.simulatorURL()+"/admin/fleet", "the simulated Microsoft: its customers")
	}
	if o.OwnIssuer() {
		add("identity", o.identityURL(), "the development identity provider")
	}
	return list, nil
}

// FirstCall is what a shell with curl runs to ask for the status of a tenant's integration, where
// the local issuer signs people in.
func (u URLs) FirstCall(tenant string) string {
	return fmt.Sprintf(`  TOKEN=$(curl -s %s/token -d '{"tenantId":"%s","sub":"me","userType":"internal","permissions":["system_settings.read"]}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s -H "Authorization: Bearer $TOKEN" %s/api/integrations/entra
`, u.Identity, tenant, u.Gateway)
}

// temporalUIURL opens on the runs.
func (o Options) temporalUIURL() string {
	return fmt.Sprintf("http://localhost:%d/namespaces/%s/workflows", o.Ports.TemporalUI, temporalNamespace)
}

func (o Options) gatewayURL() string { return fmt.Sprintf("http://localhost:%d", o.Ports.Gateway) }

func (o Options) simulatorURL() string { return fmt.Sprintf("http://localhost:%d", o.Ports.Simulator) }

func (o Options) identityURL() string { return fmt.Sprintf("http://localhost:%d", o.Ports.Identity) }

func (o Options) urls(database, platformKey string) URLs {
	u := URLs{
		Gateway:      o.gatewayURL(),
		GatewayAdmin: "http://" + ports.Addr(o.Ports.GatewayAdmin),
		TemporalUI:   o.temporalUIURL(),
		Temporal:     ports.Addr(o.Ports.Temporal),
		Database:     database,
		PlatformKey:  platformKey,
		Logs:         o.layout().Logs(),
	}
	if o.OwnDirectory() {
		u.Simulator = o.simulatorURL()
	}
	if o.OwnIssuer() {
		u.Identity = o.identityURL()
	}
	return u
}
