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
	// UsedSecrets gives the versions that its rows point to, by key.
	UsedSecrets(ctx context.Context, tenant string) (map[string]string, error)
}

// marker is the path, beside the tenants', that says whose the prefix is.
const marker = "installation"

// own makes sure that everything under the prefix is this installation's, before
// something is written or destroyed there: what its rows do not point to it takes
// for rubbish, and to another database that would be its grants.
func (s *Store) own(ctx context.Context) error {
	if s.owned.Load() {
		return nil
	}
	// For no tenant: it is a question about them all.
	ctx = tenant.With(ctx, tenant.Call{})
	id, err := s.owner.Installation(ctx)
	if err != nil {
		return err
	}
	holder, err := s.holder(ctx)
	if err == nil && holder == "" {
		holder, err = s.claim(ctx, id)
	}
	if err != nil {
		return err
	}
	if holder != id {
		return errForeign()
	}
	s.owned.Store(true)
	return nil
}

func errForeign() *errs.Error {
	return errs.New(errs.Precondition, vault.ReasonMisconfigured,
		"Another installation keeps its secrets under ENTRASYNC_VAULT_PREFIX: give this one, with its own database, a prefix of its own.")
}

// holder is whose the prefix is; empty while it is nobody's.
func (s *Store) holder(ctx context.Context) (id string, err error) {
	var answer struct {
		Data struct {
			ID string `json:"id"`
		}
	}
	err = s.session.Read(ctx, s.Mount+"/data/"+s.Prefix+"/"+marker, nil, &answer)
	if errs.KindOf(err) == errs.NotFound {
		return "", nil
	}
	return answer.Data.ID, err
}

// claim takes the prefix if nobody has it, and gives who has it then.
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
	err = s.session.Write(ctx, s.Mount+"/data/"+s.Prefix+"/"+marker, map[string]any{
		"options": map[string]int{"cas": held.Current}, "data": map[string]string{"id": id},
	}, nil)
	if errs.KindOf(err) == errs.Conflict { // somebody was faster, perhaps another process of this installation
		return s.holder(ctx)
	}
	return id, err
}

// wrote tells whether the secrets under a prefix without a marker, as older versions
// left it, are this installation's: one that a row of its database points to is
// there, or there is none at all.
func (s *Store) wrote(ctx context.Context) (bool, error) {
	tenants, err := s.tenants(ctx)
	if err != nil || len(tenants) == 0 {
		return err == nil, err
	}
	for _, id := range tenants {
		used, err := s.owner.UsedSecrets(ctx, id)
		if err != nil {
			return false, err
		}
		for key, version := range used {
			_, err := s.GetSecret(ctx, id, key, version)
			if err == nil || errs.KindOf(err) != errs.NotFound {
				return err == nil, err
			}
		}
	}
	return false, nil
}
