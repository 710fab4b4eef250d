package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/identity/identitytest"
)

// administrator is the token of an administrator of tenant t1.
func administrator(t *testing.T, i *identitytest.Issuer) string {
	t.Helper()
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": i.URL, "aud": "entrasync", "sub": "admin", "user_type": "internal", "tenant_id": "t1",
		"permissions": []string{access.Read, access.Update, access.People}, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	require.NoError(t, err)
	return i.Token(t, claims)
}
