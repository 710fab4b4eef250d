package vault

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/entrasync/entrasync/pkg/secrets"
)

// TransitScheme is the scheme of addresses of transit keys, as Tink writes them:
// hcvault://vault.example:8200/transit/keys/entrasync.
const TransitScheme = "hcvault"

// Transit opens keys of the transit engine, with the login of the settings. The
// key's host is the store's; ENTRASYNC_VAULT_ADDR is needed only where it is not
// https.
func Transit(s Settings) secrets.KMS {
	return func(ctx context.Context, uri string) (tink.AEAD, error) {
		settings := s // each key's own
		key, err := url.Parse(uri)
		if err != nil || key.Scheme != TransitScheme || key.Host == "" {
			return nil, errors.New("the address of a transit key is written hcvault://host:port/transit/keys/name")
		}
		if settings.Address == "" {
			settings.Address = "https://" + key.Host
		}
		if store, err := url.Parse(settings.Address); err != nil || store.Host != key.Host {
			return nil, errors.New("the key of ENTRASYNC_MASTER_KEY_KMS_URI is on another host than ENTRASYNC_VAULT_ADDR")
		}
		session, err := Open(settings, time.Now)
		if err != nil {
			return nil, err
		}
		if _, err := session.token(ctx, ""); err != nil {
			return nil, err
		}
		client, err := hcvault.NewClientWithAEADOptions(TransitScheme+"://"+key.Host, session.api.Logical())
		if err != nil {
			return nil, fmt.Errorf("making a client for transit keys: %w", err)
		}
		return client.GetAEAD(uri)
	}
}
