package service

import "time"

// Config is what every process takes from its environment. A process embeds it
// in its own configuration and gives defaults for the two addresses.
type Config struct {
	// Listen is where requests are served, host:port.
	Listen string `env:"ENTRASYNC_LISTEN"`
	// AdminListen is where /healthz, /readyz and /metrics are served, host:port.
	AdminListen string `env:"ENTRASYNC_ADMIN_LISTEN"`
	// TLSDir is the folder of the process's certificate; see rpc.LoadIdentity.
	TLSDir string `env:"ENTRASYNC_TLS_DIR,required,notEmpty"`
	// DrainDelay is how long the process still takes requests after a signal, not
	// ready any more: load balancers need that time to notice. With run.StopTimeout
	// it must stay below the platform's own limit, 30 s in Kubernetes.
	DrainDelay time.Duration `env:"ENTRASYNC_DRAIN_DELAY" envDefault:"3s"`
	LogLevel   string        `env:"ENTRASYNC_LOG_LEVEL" envDefault:"info"`  // debug, info, warn or error
	LogFormat  string        `env:"ENTRASYNC_LOG_FORMAT" envDefault:"json"` // json or text
	// Reflection lets services list the methods of the gRPC server.
	Reflection bool `env:"ENTRASYNC_REFLECTION"`
}

func (c Config) config() Config { return c }

// Configured is a configuration that embeds Config.
type Configured interface{ config() Config }

// Database is what a process with tables takes from its environment. The process
// embeds it beside Config, gives a default for the number of connections and
// opens the pool itself.
type Database struct {
	DatabaseURL   string `env:"ENTRASYNC_DATABASE_URL,required,notEmpty,unset"`
	DatabaseConns int32  `env:"ENTRASYNC_DATABASE_CONNS"`
}
