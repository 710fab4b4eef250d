package stack

import (
	"maps"
	"slices"
	"strings"

	"github.com/entrasync/entrasync/deploy/local/internal/ports"
	"github.com/entrasync/entrasync/deploy/local/internal/temporal"
)

// service is one of our own processes.
type service struct {
	name string
	// context is its schema's name, empty for the worker, which has no table.
	context string
	// after names what must be ready before it starts.
	after         []string
	listen, admin func(Ports) int
}

// services stand in the order in which they start: against the data flow's
// direction nothing is needed at the start.
var services = []service{
	{
		name: "connection", context: "connection", after: []string{"migrate"},
		listen: func(p Ports) int { return p.Connection }, admin: func(p Ports) int { return p.ConnectionAdmin },
	},
	{
		name: "discovery", context: "discovery", after: []string{"migrate"},
		listen: func(p Ports) int { return p.Discovery }, admin: func(p Ports) int { return p.DiscoveryAdmin },
	},
	{
		name: "mapping", context: "mapping", after: []string{"migrate"},
		listen: func(p Ports) int { return p.Mapping }, admin: func(p Ports) int { return p.MappingAdmin },
	},
	{
		name: "reconciliation", context: "reconciliation", after: []string{"migrate"},
		listen: func(p Ports) int { return p.Reconciliation }, admin: func(p Ports) int { return p.ReconciliationAdmin },
	},
	{
		name: "sync-engine", context: "syncengine", after: []string{"migrate"},
		listen: func(p Ports) int { return p.SyncEngine }, admin: func(p Ports) int { return p.SyncEngineAdmin },
	},
	{
		name: "worker", after: []string{"temporal", "temporal-attributes", "connection", "discovery", "mapping", "reconciliation", "sync-engine"},
		listen: func(p Ports) int { return p.Worker }, admin: func(p Ports) int { return p.WorkerAdmin },
	},
	{
		name: "gateway", context: "gateway", after: []string{"migrate", "connection", "discovery", "mapping", "reconciliation", "sync-engine", "worker"},
		listen: func(p Ports) int { return p.Gateway }, admin: func(p Ports) int { return p.GatewayAdmin },
	},
}

// contexts own tables.
var contexts = []string{"connection", "discovery", "mapping", "syncengine", "reconciliation", "gateway"}

// callers are the names in certificates.
func callers() []string {
	names := make([]string, 0, len(services))
	for _, s := range services {
		names = append(names, s.name)
	}
	return names
}

// Names lists every process that a stack can have, in the order in which they
// start.
func Names() []string {
	return append([]string{"postgres", "database", "migrate", "temporal-schema", "temporal", "temporal-attributes", "temporal-ui", "simulator", "identity"}, callers()...)
}

func (o Options) addr(name string) string {
	i := slices.IndexFunc(services, func(s service) bool { return s.name == name })
	if i < 0 {
		return ""
	}
	address := ports.Addr(services[i].listen(o.Ports))
	if slices.Contains(o.Twice, name) {
		address += "," + ports.Addr(services[i].listen(o.SecondPorts))
	}
	return address
}

// environ is the environment of one service. The names are the same in every
// deployment; only the values are the local stack's. Own are the ports of the replica.
func (s *Stack) environ(svc service, own Ports) ([]string, error) {
	o := s.options
	env := map[string]string{
		"ENTRASYNC_LISTEN":       ports.Addr(svc.listen(own)),
		"ENTRASYNC_ADMIN_LISTEN": ports.Addr(svc.admin(own)),
		"ENTRASYNC_DRAIN_DELAY":  "0s", // no load balancer has to notice
		"ENTRASYNC_TLS_DIR":      s.TLSDir(svc.name),
		"ENTRASYNC_REFLECTION":   "true",
		"ENTRASYNC_LOG_FORMAT":   "text",
		"ENTRASYNC_LOG_LEVEL":    "info",
		"ENTRASYNC_PUBLIC_URL":   o.gatewayURL(),
		"PATH":                   "/usr/bin:/bin",
	}
	for _, peer := range services {
		if peer.name != "gateway" {
			env["ENTRASYNC_"+strings.ToUpper(strings.ReplaceAll(peer.name, "-", "_"))+"_ADDR"] = o.addr(peer.name)
		}
	}
	env["ENTRASYNC_GATEWAY_ADDR"] = ports.Addr(o.Ports.GatewayInternal)
	if slices.Contains(o.Twice, "gateway") {
		env["ENTRASYNC_GATEWAY_ADDR"] += "," + ports.Addr(o.SecondPorts.GatewayInternal)
	}
	if svc.context != "" {
		url, err := s.roleURL(svc.context)
		if err != nil {
			return nil, err
		}
		env["ENTRASYNC_DATABASE_URL"] = url
	}
	switch svc.name {
	case "connection":
		env["ENTRASYNC_MASTER_KEY_FILE"] = s.secrets.masterKeyFile
		if o.MasterKeyKMSURI != "" {
			env["ENTRASYNC_MASTER_KEY_KMS_URI"] = o.MasterKeyKMSURI
		}
		o.microsoft(env)
	case "worker":
		maps.Copy(env, s.temporal.Environ(temporal.Worker))
	case "gateway":
		env["ENTRASYNC_INTERNAL_LISTEN"] = ports.Addr(own.GatewayInternal)
		// Not the key of the tokens: this process faces the internet.
		env["ENTRASYNC_MASTER_KEY_FILE"] = s.secrets.gatewayKeyFile
		env["ENTRASYNC_EDITION"] = o.Edition
		env["ENTRASYNC_PLATFORM_KEY_HASH"] = hash(s.secrets.platformKey)
		env["ENTRASYNC_AUTH_AUDIENCE"] = o.AuthAudience
		env["ENTRASYNC_AUTH_ISSUER"] = o.AuthIssuer
		env["ENTRASYNC_WORKFLOWS_URL"] = o.temporalUIURL()
		if o.OwnIssuer() {
			env["ENTRASYNC_AUTH_ISSUER"] = o.identityURL()
			env["ENTRASYNC_SIGN_IN_CLIENT_ID"] = consoleClientID
			env["ENTRASYNC_EMBED_ORIGINS"] = hostPage
		}
	}
	return overlay(env, o.Inherit, o.Env[svc.name]), nil
}

// microsoft tells the connection service where the directory is. What is not
// said leaves the service's own default, which is Microsoft.
func (o Options) microsoft(env map[string]string) {
	if o.OwnDirectory() {
		env["ENTRASYNC_MICROSOFT_LOGIN_URL"] = o.simulatorURL()
		env["ENTRASYNC_MICROSOFT_GRAPH_URL"] = o.simulatorURL()
		env["ENTRASYNC_MICROSOFT_PARTNER_URL"] = o.simulatorURL()
		env["MICROSOFT_CLIENT_ID"] = simulatorClientID
		env["MICROSOFT_CLIENT_SECRET"] = simulatorClientSecret
		return
	}
	for name, value := range map[string]string{
		"ENTRASYNC_MICROSOFT_LOGIN_URL":   o.MicrosoftLoginURL,
		"ENTRASYNC_MICROSOFT_GRAPH_URL":   o.MicrosoftGraphURL,
		"ENTRASYNC_MICROSOFT_PARTNER_URL": o.MicrosoftPartnerURL,
	} {
		if value != "" {
			env[name] = value
		}
	}
	for _, pair := range o.MicrosoftClient {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
}
