// Package cipp reads directories through a partner's own CIPP
// (https://docs.cipp.app), over plain HTTP. Where that is, the partner says: so
// nothing here may reach inside the network that this process runs in.
package cipp

import (
	"errors"
	"net/url"
	"path"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/publicnet"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// guard decides where CIPP may be.
type guard struct{ *publicnet.Guard }

func newGuard(allowed []string) (*guard, error) {
	g, err := publicnet.New(allowed)
	return &guard{g}, err
}

// checkBaseURL reads the address of a CIPP.
func (g *guard) checkBaseURL(raw string) (*url.URL, error) {
	u, err := g.Check(raw)
	switch {
	case err != nil:
		return nil, err
	case u.RawQuery != "", u.ForceQuery:
		return nil, errors.New("must have no query or fragment")
	case u.RawPath != "" || (u.Path != "" && u.Path != "/" && path.Clean(u.Path) != strings.TrimRight(u.Path, "/")):
		return nil, errors.New("has a path that is not plain")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// refuseBaseURL is the error about an address that nothing is asked at.
func refuseBaseURL(why error) error {
	return errs.Of(connection.ReasonBaseURLRefused, errs.WithViolation("baseUrl", why.Error()))
}
