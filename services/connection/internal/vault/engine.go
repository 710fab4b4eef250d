package vault

import (
	"context"
	"errors"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/vault"
)

// errVersionOne refuses an engine that keeps values in clear under paths that a delete
// of version 2 does not reach.
func errVersionOne() *errs.Error {
	return vault.Misconfigured(nil, "the engine at ENTRASYNC_VAULT_MOUNT is not KV of version 2")
}

// checkEngine asks the store what the mount is. Every token may ask that may do
// something under the mount; where it is refused all the same, the first write, which
// is the marker's and no secret, shows it.
func (s *Store) checkEngine(ctx context.Context) error {
	var mount struct {
		Type    string
		Options struct{ Version string }
	}
	err := s.session.Read(ctx, "sys/internal/ui/mounts/"+s.Mount, nil, &mount)
	switch {
	case errs.ReasonOf(err) == vault.ReasonDenied, errs.KindOf(err) == errs.NotFound:
		return nil
	case err == nil && (mount.Type != "kv" || mount.Options.Version != "2"):
		return errVersionOne()
	}
	return err
}

// removeWritten removes what was written to an engine of version 1, and returns the failure.
// The answer to a write may also have been lost: then the version may be there, and
// stays.
func (s *Store) removeWritten(ctx context.Context, path, id string) error {
	var answer struct {
		Data     struct{ ID string }
		Metadata *written
	}
	err := s.session.Read(ctx, path, nil, &answer)
	switch {
	case err != nil && errs.KindOf(err) != errs.NotFound:
		return err
	case err != nil, answer.Metadata != nil, answer.Data.ID != id:
		return vault.Unavailable(errors.New("the store did not say which version it wrote"))
	}
	if err := s.session.Delete(ctx, path); err != nil {
		return err
	}
	return errVersionOne()
}
