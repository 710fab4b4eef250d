package vault

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/pkg/vault"
)

// Owner is the installation whose secrets they are.
type Owner interface {
	// Installation is its id, which no other has.
	Installation(ctx context.Context) (string, error)
	// UsedSecrets returns the versions that its rows point to, by key.
	UsedSecrets(ctx context.Context) (map[string]string, error)
}

// marker is the path, beside the tenants', that says whose the prefix is.
const marker = "installation"

// own makes sure that everything under the prefix is this installation's, before
// something is written or destroyed there: what its rows do not point to it takes
// for rubbish, and to another database that would be its grants. It is asked anew each
// time, because an engine can be replaced while the service runs.
func (s *Store) own(ctx context.Context) error {
	return s.look(ctx, func(ctx context.Context, holder, id string) (string, error) {
		if holder == "" {
			return s.claim(ctx, id)
		}
		return holder, nil
	})
}

// Check implements connection.SecretStoreWatch. It writes nothing.
func (s *Store) Check(ctx context.Context) error {
	return s.look(ctx, func(_ context.Context, holder, id string) (string, error) {
		if holder == "" {
			return id, nil // it may be claimed
		}
		return holder, nil
	})
}

// look compares whose the prefix is with this installation; decide says it where a
// prefix belongs to no installation.
func (s *Store) look(ctx context.Context, decide func(ctx context.Context, holder, id string) (string, error)) error {
	ctx = tenant.With(ctx, tenant.Call{}) // for no tenant: it is a question about them all
	id, err := s.ownID(ctx)
	if err != nil {
		return err
	}
	holder, err := s.holder(ctx)
	if err == nil {
		holder, err = decide(ctx, holder, id)
	}
	if err == nil && holder != id {
		err = errForeign()
	}
	s.record(ctx, opCheck, s.markerPath(), err)
	return err
}

func (s *Store) ownID(ctx context.Context) (string, error) {
	if id := s.installation.Load(); id != nil {
		return *id, nil
	}
	id, err := s.owner.Installation(ctx)
	if err == nil {
		s.installation.Store(&id)
	}
	return id, err
}

func errForeign() *errs.Error {
	return vault.Misconfigured(nil, "another installation keeps its secrets under ENTRASYNC_VAULT_PREFIX; give this one, with its own database, a prefix of its own")
}

// holder is whose the prefix is; empty while it belongs to none. It fails where the
// engine is known not to be of version 2.
func (s *Store) holder(ctx context.Context) (id string, err error) {
	var answer struct {
		Data struct {
			ID string `json:"id"`
		}
		Metadata *written // an engine of version 1 gives back what was sent, without any
	}
	err = s.session.Read(ctx, s.markerPath(), nil, &answer)
	switch {
	case errs.KindOf(err) == errs.NotFound:
		return "", s.checkEngine(ctx)
	case err == nil && (answer.Metadata == nil || answer.Metadata.Version <= 0):
		err = errVersionOne()
	}
	return answer.Data.ID, err
}

func (s *Store) markerPath() string { return s.Mount + "/data/" + s.Prefix + "/" + marker }

// claim takes the prefix if no installation has it, and returns the one that has it then.
func (s *Store) claim(ctx context.Context, id string) (holder string, err error) {
	mine, err := s.wrote(ctx)
	if err != nil {
		return "", err
	}
	if !mine { // unless somebody was faster, and what is there came after the mark
		if holder, err = s.holder(ctx); err == nil && holder == "" {
			err = errForeign()
		}
		return holder, err
	}
	var held metadata
	err = s.session.Read(ctx, s.Mount+"/metadata/"+s.Prefix+"/"+marker, nil, &held)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return "", err
	}
	made, err := s.write(ctx, s.markerPath(), held.Current, map[string]string{"id": id})
	switch {
	case errs.KindOf(err) == errs.Conflict: // somebody was faster, perhaps another process of this installation
		return s.holder(ctx)
	case err == nil && made.Version <= 0:
		return "", s.removeWritten(ctx, s.markerPath(), id)
	}
	return id, err
}

// wrote reports whether the secrets under a prefix without a marker, as older versions
// left it, are this installation's: one that a row of its database points to is
// there, or there is none at all.
func (s *Store) wrote(ctx context.Context) (bool, error) {
	tenants, err := s.tenants(ctx)
	if err != nil || len(tenants) == 0 {
		return err == nil, err
	}
	for _, id := range tenants {
		ctx := tenant.With(ctx, tenant.Call{Tenant: tenant.ID(id)})
		used, err := s.owner.UsedSecrets(ctx)
		if err != nil {
			return false, err
		}
		for key, version := range used {
			_, err := s.GetSecret(ctx, key, version)
			if err == nil || errs.KindOf(err) != errs.NotFound {
				return err == nil, err
			}
		}
	}
	return false, nil
}
