package assembly

import (
	"fmt"

	"github.com/caarlos0/env/v11"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/services/connection/internal/cipp"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// Kinds are the kinds of connections beside the direct one. A kind is removed with its
// package and its line here.
func Kinds() []KindOpener {
	return []KindOpener{
		Opener(cipp.Settings{}, cipp.New),
	}
}

// kind is a kind of connections.
type kind interface {
	connection.Kind
	// Register adds the service by which people use it.
	Register(server grpc.ServiceRegistrar, h connection.Handling)
}

// KindOpener makes a kind of connections from its settings.
type KindOpener struct {
	settings any // a pointer to a struct whose fields name their variables
	open     func(f connection.Foundation) (kind, error)
}

// Opener makes a kind with settings that open takes; those that have a variable in the
// environment are read from there when the process starts.
func Opener[S any, K kind](s S, open func(S, connection.Foundation) (K, error)) KindOpener {
	return KindOpener{settings: &s, open: func(f connection.Foundation) (kind, error) { return open(s, f) }}
}

// configured reads what the kinds take from the environment.
func configured(kinds []KindOpener) ([]KindOpener, error) {
	for _, k := range kinds {
		if err := env.Parse(k.settings); err != nil {
			return nil, fmt.Errorf("reading the settings of a kind of connections: %w", err)
		}
	}
	return kinds, nil
}

// open makes the configured kinds.
func (s Settings) open(f connection.Foundation) (kinds []kind, err error) {
	for _, opener := range s.Kinds {
		k, err := opener.open(f)
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}
