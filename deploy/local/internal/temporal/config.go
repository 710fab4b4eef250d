// Package temporal makes the databases, the settings and the namespace of the
// local Temporal server.
package temporal

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/entrasync/entrasync/deploy/local/internal/child"
	"github.com/entrasync/entrasync/deploy/local/internal/ports"
)

// Databases of Temporal on the shared PostgreSQL server.
const (
	mainDatabase       = "temporal"
	visibilityDatabase = "temporal_visibility"
	role               = "temporal"
)

// Server is one Temporal server (all four parts in one process) and its UI.
type Server struct {
	// Bin is the folder with temporal-server, temporal-sql and temporal-ui.
	Bin string
	// Dir is where the settings are written.
	Dir   string
	Ports ports.Set
	// AdminURL is a connection string that may make roles and databases.
	AdminURL string
	// Password is that of Temporal's own database role.
	Password string
	// Namespace is made when it is missing.
	Namespace string
	// TLS is the folder with the certificates of all Parties, without which the server takes no
	// call. Empty: it takes any call, in clear text.
	TLS string
	// Writable lets people start, signal, cancel and terminate workflows in the UI, which else
	// only shows them.
	Writable bool
}

// WriteConfig writes the settings of server and UI. The server's hold the
// database password, so the files are the owner's alone. JSON is YAML.
func (s Server) WriteConfig() error {
	serverConfig, err := s.config()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.uiDir(), 0o700); err != nil {
		return err
	}
	if err := writeJSON(s.configFile(), serverConfig); err != nil {
		return err
	}
	if err := writeJSON(s.dynamicConfigFile(), s.dynamicConfig()); err != nil {
		return err
	}
	return writeJSON(filepath.Join(s.uiDir(), "local.yaml"), map[string]any{
		"temporalGrpcAddress": ports.Addr(s.Ports.Temporal),
		"tls":                 s.uiTLS(),
		"host":                "127.0.0.1",
		"port":                s.Ports.TemporalUI,
		"enableUi":            true,
		"defaultNamespace":    s.Namespace,
		"disableWriteActions": !s.Writable,
		"disableNewsFetch":    true,
		"cors":                map[string]any{"cookieInsecure": true},
	})
}

func (s Server) configFile() string        { return filepath.Join(s.Dir, "temporal-server.yaml") }
func (s Server) dynamicConfigFile() string { return filepath.Join(s.Dir, "temporal-dynamic.yaml") }
func (s Server) uiDir() string             { return filepath.Join(s.Dir, "temporal-ui") }

// dynamicConfig turns on what is off by default: task queues that serve the keys of fairness, by
// which no tenant's activities delay another's. Tenants take turns within a partition of a queue
// alone; one is plenty for one server.
func (s Server) dynamicConfig() map[string]any {
	setting := func(value any) []map[string]any { return []map[string]any{{"value": value}} }
	return map[string]any{
		"matching.enableFairness":              setting(true),
		"matching.numTaskqueueWritePartitions": setting(1),
		"matching.numTaskqueueReadPartitions":  setting(1),
		// Else a stranger could join the ring in which the server's parts find one another.
		"system.enableRingpopTLS": setting(s.TLS != ""),
	}
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}

func (s Server) config() (map[string]any, error) {
	db, err := s.database()
	if err != nil {
		return nil, err
	}
	store := func(name string, conns int) map[string]any {
		sql := map[string]any{
			"pluginName": "postgres12_pgx", "databaseName": name,
			"connectAddr": db.host + ":" + db.port, "connectProtocol": "tcp", "connectAttributes": db.attributes,
			"user": role, "password": s.Password,
			"maxConns": conns, "maxIdleConns": conns, "maxConnLifetime": "1h",
		}
		return map[string]any{"sql": sql}
	}
	part := func(grpc, membership int) map[string]any {
		return map[string]any{"rpc": map[string]any{"grpcPort": grpc, "membershipPort": membership, "bindOnLocalHost": true}}
	}
	p := s.Ports
	frontend := part(p.Temporal, p.TemporalFrontendMembership)
	frontend["rpc"].(map[string]any)["httpPort"] = p.TemporalHTTP
	address := ports.Addr(p.Temporal)
	return map[string]any{
		"log": map[string]any{"stdout": true, "level": "warn"},
		"persistence": map[string]any{
			"defaultStore": "default", "visibilityStore": "visibility",
			// Few shards: one process, and every shard costs its own polling.
			"numHistoryShards": 4,
			"datastores":       map[string]any{"default": store(mainDatabase, 12), "visibility": store(visibilityDatabase, 4)},
		},
		"global": map[string]any{
			"membership": map[string]any{"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"}, "tls": s.serverTLS(),
		},
		"services": map[string]any{
			"frontend": frontend,
			"history":  part(p.TemporalHistory, p.TemporalHistoryMembership),
			"matching": part(p.TemporalMatching, p.TemporalMatchingMembership),
			"worker":   part(p.TemporalWorker, p.TemporalWorkerMembership),
		},
		"clusterMetadata": map[string]any{
			"enableGlobalNamespace": false, "failoverVersionIncrement": 10,
			"masterClusterName": "active", "currentClusterName": "active",
			"clusterInformation": map[string]any{"active": map[string]any{
				"enabled": true, "initialFailoverVersion": 1, "rpcName": "frontend", "rpcAddress": address,
			}},
		},
		"dcRedirectionPolicy": map[string]any{"policy": "noop"},
		"publicClient":        map[string]any{"hostPort": address},
		"dynamicConfigClient": map[string]any{"filepath": s.dynamicConfigFile(), "pollInterval": "1m"},
	}, nil
}

// Version changes when the settings do.
func (s Server) Version() string { return fmt.Sprintf("%+v", s) }

// Process says how the server is started, after Schema and WriteConfig.
func (s Server) Process() child.Spec {
	return child.Spec{
		Path: filepath.Join(s.Bin, "temporal-server"),
		Args: []string{"--config-file", s.configFile(), "--allow-no-auth", "start"},
		Env:  []string{"PATH=/usr/bin:/bin", "HOME=" + s.Dir},
		Dir:  s.Dir,
	}
}

// UIProcess says how the UI is started, after WriteConfig.
func (s Server) UIProcess() child.Spec {
	return child.Spec{
		Path: filepath.Join(s.Bin, "temporal-ui"),
		// It takes an absolute path for a relative one.
		Args: []string{"--config", filepath.Base(s.uiDir()), "--env", "local", "start"},
		Env:  []string{"PATH=/usr/bin:/bin", "HOME=" + s.Dir},
		Dir:  s.Dir,
	}
}

// UIURL is where the UI is asked for its health.
func (s Server) UIURL() string { return "http://127.0.0.1:" + strconv.Itoa(s.Ports.TemporalUI) }
