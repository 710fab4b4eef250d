// Package ports is the one place where the ports of the local stack are
// chosen. Every one can be changed by a variable; all are served on the
// loopback address alone.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"reflect"
	"strconv"
	"sync"
)

// Set holds one port for each listener of the stack. The variable in the tag
// changes it.
type Set struct {
	Gateway      int `env:"ENTRASYNC_PORT_GATEWAY" default:"8080"`
	GatewayAdmin int `env:"ENTRASYNC_PORT_GATEWAY_ADMIN" default:"8081"`

	Temporal   int `env:"ENTRASYNC_PORT_TEMPORAL" default:"7233"`
	TemporalUI int `env:"ENTRASYNC_PORT_TEMPORAL_UI" default:"8233"`
	Simulator  int `env:"ENTRASYNC_PORT_SIMULATOR" default:"9400"`
	Identity   int `env:"ENTRASYNC_PORT_IDENTITY" default:"9500"`
	PostgreSQL int `env:"ENTRASYNC_PORT_POSTGRESQL" default:"5433"`

	Connection     int `env:"ENTRASYNC_PORT_CONNECTION" default:"7101"`
	Discovery      int `env:"ENTRASYNC_PORT_DISCOVERY" default:"7102"`
	Mapping        int `env:"ENTRASYNC_PORT_MAPPING" default:"7103"`
	SyncEngine     int `env:"ENTRASYNC_PORT_SYNC_ENGINE" default:"7104"`
	Reconciliation int `env:"ENTRASYNC_PORT_RECONCILIATION" default:"7105"`
	Worker         int `env:"ENTRASYNC_PORT_WORKER" default:"7106"`
	// What the gateway serves to the other services.
	GatewayInternal int `env:"ENTRASYNC_PORT_GATEWAY_INTERNAL" default:"7107"`

	ConnectionAdmin     int `env:"ENTRASYNC_PORT_CONNECTION_ADMIN" default:"7201"`
	DiscoveryAdmin      int `env:"ENTRASYNC_PORT_DISCOVERY_ADMIN" default:"7202"`
	MappingAdmin        int `env:"ENTRASYNC_PORT_MAPPING_ADMIN" default:"7203"`
	SyncEngineAdmin     int `env:"ENTRASYNC_PORT_SYNC_ENGINE_ADMIN" default:"7204"`
	ReconciliationAdmin int `env:"ENTRASYNC_PORT_RECONCILIATION_ADMIN" default:"7205"`
	WorkerAdmin         int `env:"ENTRASYNC_PORT_WORKER_ADMIN" default:"7206"`

	// What Temporal's four parts use among themselves.
	TemporalHistory            int `env:"ENTRASYNC_PORT_TEMPORAL_HISTORY" default:"7234"`
	TemporalMatching           int `env:"ENTRASYNC_PORT_TEMPORAL_MATCHING" default:"7235"`
	TemporalWorker             int `env:"ENTRASYNC_PORT_TEMPORAL_WORKER" default:"7239"`
	TemporalHTTP               int `env:"ENTRASYNC_PORT_TEMPORAL_HTTP" default:"7243"`
	TemporalFrontendMembership int `env:"ENTRASYNC_PORT_TEMPORAL_FRONTEND_MEMBERSHIP" default:"6933"`
	TemporalHistoryMembership  int `env:"ENTRASYNC_PORT_TEMPORAL_HISTORY_MEMBERSHIP" default:"6934"`
	TemporalMatchingMembership int `env:"ENTRASYNC_PORT_TEMPORAL_MATCHING_MEMBERSHIP" default:"6935"`
	TemporalWorkerMembership   int `env:"ENTRASYNC_PORT_TEMPORAL_WORKER_MEMBERSHIP" default:"6939"`
}

// FromEnv reads the set from the environment, through lookup. A value that is
// no port is an error that names the variable.
func FromEnv(lookup func(string) (string, bool)) (Set, error) {
	var s Set
	seen := map[int]string{}
	for _, f := range s.fields() {
		text := f.fallback
		if v, ok := lookup(f.variable); ok && v != "" {
			text = v
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 65535 {
			return Set{}, fmt.Errorf("%s=%q is not a port", f.variable, text)
		}
		if other, taken := seen[n]; taken {
			return Set{}, fmt.Errorf("%s and %s both say port %d", other, f.variable, n)
		}
		seen[n] = f.variable
		f.value.SetInt(int64(n))
	}
	return s, nil
}

// Random is a set of ports that are free now and that no other set has, made by this process or by
// another that still runs. They lie below the range from which the kernel takes ports for outgoing
// connections, so that only another server could take one in between.
func Random() (Set, error) {
	const first, last, tries = 12000, 32000, 100
	var s Set
	var err error
	block := 1 + len(s.fields()) // a port that claims the others, and one for each listener
	for range tries {
		if s, err = claim(first + rand.IntN((last-first)/block)*block); err == nil {
			return s, nil
		}
	}
	return Set{}, fmt.Errorf("no free ports found: %w", err)
}

// claims are the listeners by which this process claims blocks for as long as it lives.
var (
	claimsMu sync.Mutex
	claims   []net.Listener
)

// claim makes a set from a block of ports, all of which must be free. The first is listened on
// until the process ends, so that nobody else makes a set from the same block.
func claim(first int) (s Set, err error) {
	held, err := net.Listen("tcp", Addr(first))
	if err != nil {
		return Set{}, err
	}
	port := first
	for _, f := range s.fields() {
		port++
		f.value.SetInt(int64(port))
	}
	if err := s.Check(nil); err != nil {
		return Set{}, errors.Join(err, held.Close())
	}
	claimsMu.Lock()
	defer claimsMu.Unlock()
	claims = append(claims, held)
	return s, nil
}

// beside is by how much the port of a second replica is higher.
const beside = 500

// Beside are the ports of second replicas.
func (s Set) Beside() Set {
	for _, f := range s.fields() {
		f.value.SetInt(f.value.Int() + beside)
	}
	return s
}

// TakenError is a port that somebody else listens on.
type TakenError struct {
	Port     int
	Variable string
}

func (t TakenError) Error() string {
	return fmt.Sprintf("port %d is taken by another program: end that program, or choose another port with %s", t.Port, t.Variable)
}

// Check says which of the chosen fields' ports are taken; used names the
// fields that this run listens on, all when it is nil.
func (s Set) Check(used func(field string) bool) error {
	for _, f := range s.fields() {
		if used != nil && !used(f.name) {
			continue
		}
		port := int(f.value.Int())
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return TakenError{Port: port, Variable: f.variable}
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Addr is the loopback address with a port.
func Addr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

type field struct {
	name, variable, fallback string
	value                    reflect.Value
}

func (s *Set) fields() []field {
	v := reflect.ValueOf(s).Elem()
	fields := make([]field, 0, v.NumField())
	for i := range v.NumField() {
		f := v.Type().Field(i)
		fields = append(fields, field{name: f.Name, variable: f.Tag.Get("env"), fallback: f.Tag.Get("default"), value: v.Field(i)})
	}
	return fields
}
