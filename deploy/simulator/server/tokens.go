package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// tokenLife is how long access tokens are good for.
const tokenLife = 3599 * time.Second

var b64 = base64.RawURLEncoding

func formatGUID(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// randomSecret is an opaque value with a prefix like those of Entra.
func randomSecret(prefix string, size int) string {
	raw := make([]byte, size)
	_, _ = rand.Read(raw)
	return prefix + b64.EncodeToString(raw)
}

// claims are what an access token says. Callers must treat it as opaque.
type claims struct {
	Audience    string   `json:"aud"`
	Issuer      string   `json:"iss"`
	TenantID    string   `json:"tid"`
	App         string   `json:"appid"`
	UserID      string   `json:"oid,omitempty"`
	UPN         string   `json:"upn,omitempty"`
	HomeTenant  string   `json:"home,omitempty"`
	Scope       string   `json:"scp,omitempty"`
	Roles       []string `json:"roles,omitempty"`
	IssuedAt    int64    `json:"iat"`
	NotBefore   int64    `json:"nbf"`
	Expires     int64    `json:"exp"`
	ID          string   `json:"uti"`
	Generations [2]int   `json:"gen"`
}

// allows says whether the token carries one of the permissions, and as what.
func (c claims) allows(delegated, app []string) bool {
	for _, have := range strings.Fields(c.Scope) {
		for _, want := range delegated {
			if have == want {
				return true
			}
		}
	}
	for _, have := range c.Roles {
		for _, want := range app {
			if have == want {
				return true
			}
		}
	}
	return false
}

func (s *Server) sign(body string) string {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(body))
	return b64.EncodeToString(mac.Sum(nil))
}

func (s *Server) issueAccessToken(c claims) string {
	now := s.now()
	c.IssuedAt, c.NotBefore, c.Expires = now.Unix(), now.Unix(), now.Add(tokenLife).Unix()
	c.ID, c.Generations = newID(), s.state.generations(c.TenantID)
	payload, err := json.Marshal(c)
	if err != nil {
		panic("claims are plain: " + err.Error())
	}
	body := b64.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + b64.EncodeToString(payload)
	token := body + "." + s.sign(body)
	s.state.noteSecret("access_token", token)
	return token
}

var (
	errTokenMalformed = errors.New("CompactToken parsing failed with error code: 80049217")
	errTokenSignature = errors.New("Access token validation failure. Invalid signature.")
	errTokenExpired   = errors.New("Lifetime validation failed, the token is expired.")
	errTokenAudience  = errors.New("Access token validation failure. Invalid audience.")
)

// readAccessToken checks a token for an audience.
func (s *Server) readAccessToken(token, audience string) (claims, error) {
	body, mac, ok := cutLast(token, '.')
	if !ok || strings.Count(token, ".") != 2 {
		return claims{}, errTokenMalformed
	}
	if !hmac.Equal([]byte(mac), []byte(s.sign(body))) {
		return claims{}, errTokenSignature
	}
	_, payload, _ := strings.Cut(body, ".")
	raw, err := b64.DecodeString(payload)
	if err != nil {
		return claims{}, errTokenMalformed
	}
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil {
		return claims{}, errTokenMalformed
	}
	if now := s.now().Unix(); now >= c.Expires || c.Generations != s.state.generations(c.TenantID) {
		return claims{}, errTokenExpired
	}
	if c.Audience != audience {
		return claims{}, errTokenAudience
	}
	return c, nil
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	at := strings.LastIndexByte(s, sep)
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at+1:], true
}

// Keys sign what others check: id tokens, and the tokens of the test issuer.
type Keys struct{ id, issuer signingKey }

// signingKey is an RSA key, made when it is first needed.
type signingKey struct {
	once sync.Once
	key  *rsa.PrivateKey
	id   string
}

func (k *signingKey) get() *rsa.PrivateKey {
	k.once.Do(func() {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic("making the key of id tokens: " + err.Error())
		}
		sum := sha256.Sum256(key.N.Bytes())
		k.key, k.id = key, b64.EncodeToString(sum[:20])
	})
	return k.key
}

// jwks is the public half as a JSON web key set.
func (k *signingKey) jwks() map[string]any {
	pub := k.get().PublicKey
	return map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": k.id,
		"n": b64.EncodeToString(pub.N.Bytes()),
		"e": b64.EncodeToString(big.NewInt(int64(pub.E)).Bytes()),
	}}}
}

// pairwise is the subject by which one app knows a user.
func pairwise(app, user string) string {
	sum := sha256.Sum256([]byte(app + " " + user))
	return b64.EncodeToString(sum[:])
}

func (s *Server) issueIDToken(issuerBase, app, nonce string, t fleet.Tenant, u fleet.User) string {
	now := s.now()
	payload := map[string]any{
		"aud": app, "iss": fmt.Sprintf("%s/%s/v2.0", issuerBase, t.ID), "tid": t.ID, "ver": "2.0",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"sub": pairwise(app, u.ID), "oid": u.ID,
		"preferred_username": u.UserPrincipalName.Or(""), "name": u.DisplayName.Or(""),
	}
	if nonce != "" {
		payload["nonce"] = nonce
	}
	token := s.keys.id.sign(payload)
	s.state.noteSecret("id_token", token)
	return token
}
