package assembly

import (
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/service"
)

// Config is all that the process takes from its environment.
type Config struct {
	service.Config
	service.Database          // each round takes a connection of its own; the rest serve requests
	ConnectionAddr     string `env:"ENTRASYNC_CONNECTION_ADDR" envDefault:"127.0.0.1:7101"`
	MappingAddr        string `env:"ENTRASYNC_MAPPING_ADDR" envDefault:"127.0.0.1:7103"`
	ReconciliationAddr string `env:"ENTRASYNC_RECONCILIATION_ADDR" envDefault:"127.0.0.1:7105"`
	GatewayAddr        string `env:"ENTRASYNC_GATEWAY_ADDR" envDefault:"127.0.0.1:7107"` // for other services
	// Bounds of a round's statements: of those on some thousand rows, and of those on
	// the whole directory.
	RangeTimeout     time.Duration `env:"ENTRASYNC_ROUND_RANGE_TIMEOUT" envDefault:"1m"`
	DirectoryTimeout time.Duration `env:"ENTRASYNC_ROUND_DIRECTORY_TIMEOUT" envDefault:"5m"`
	// For how many days what runs did with each identity is kept; 0 keeps it for ever.
	ReportDays int `env:"ENTRASYNC_REPORT_DAYS" envDefault:"30"`
	// For how many days runs and the counts of their managed tenants are kept; 0 keeps them for ever.
	RunDays int `env:"ENTRASYNC_RUN_DAYS" envDefault:"400"`
	// How many whole months of the change feed stay beside the present one; 0 keeps all.
	FeedMonths int `env:"ENTRASYNC_FEED_MONTHS" envDefault:"3"`
}

func (c Config) check() error {
	if c.ReportDays < 0 {
		return errors.New("ENTRASYNC_REPORT_DAYS is negative; 0 keeps all")
	}
	if c.RunDays < 0 {
		return errors.New("ENTRASYNC_RUN_DAYS is negative; 0 keeps all")
	}
	return nil
}

// runDays is for how long runs are kept: not shorter than their reports, which are found by them.
func (c Config) runDays() int {
	if c.RunDays == 0 || c.ReportDays == 0 {
		return 0
	}
	return max(c.RunDays, c.ReportDays)
}
