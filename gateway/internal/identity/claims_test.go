package identity_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/identity"
	"github.com/entrasync/entrasync/pkg/errs"
)

func TestClaimsThatCannotBeStoredAreRefusedByName(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	now := time.Now()
	v, err := identity.New(identity.Config{Issuers: []string{p.url}, Audience: "us", Now: func() time.Time { return now }})
	require.NoError(t, err)
	verify := func(claims string) error {
		t.Helper()
		_, err := v.Verify(t.Context(), p.sign(fmt.Appendf(nil, `{"iss":%q,"aud":"us","exp":%d,%s}`, p.url, now.Add(time.Hour).Unix(), claims)))
		return err
	}
	with := func(name, value string) string {
		all := map[string]string{"sub": `"ada"`, "tenant_id": `"t"`, "user_type": `"internal"`, "permissions": `"a b"`}
		all[name] = value
		var parts []string
		for name, value := range all {
			parts = append(parts, `"`+name+`":`+value)
		}
		return strings.Join(parts, ",")
	}
	for _, name := range []string{"sub", "tenant_id", "user_type", "permissions", "name", "email", "other"} {
		for _, value := range []string{
			`"a\u0000b"`, `"a\nb"`, `"a\tb"`, `"\u001b[31m"`, `"a\u0085b"`, `"a\u007f"`, "\"a\xffb\"", "\"a\xed\xa0\x80b\"",
			`"\ud800"`, `"\udc00\ud800"`, `"\ud83d x"`, `"\ud83d\\\ude00"`, `["good","a\u0000"]`, `{"deep":["a\u0000"]}`, `{"a\u0000":1}`,
		} {
			err := verify(with(name, value))
			require.Equal(t, errs.Unauthenticated, errs.KindOf(err), name+value)
			refused, ok := errors.AsType[*errs.Error](err)
			require.True(t, ok)
			if name != "sub" || strings.HasPrefix(value, `"`) { // a subject that is no text names nobody
				require.Equal(t, "The token's claim "+name+" has characters that are not allowed.", refused.Public(), value)
			}
		}
	}
	require.NoError(t, verify(with("name", `"Zo\u00eb \ud83d\ude00 \ufffd \\ud800 \" \/"`)), "odd, and well formed")
	require.NoError(t, verify(with("sub", `"Žofie 😀"`)))
	require.Error(t, verify(with(`a\u0000`, `1`)))
	require.Error(t, verify(with("n\xff", `1`)))
	require.Error(t, verify(with(strings.Repeat("n", 65), `1`)))
}
