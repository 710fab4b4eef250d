package server

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// exchangeAudience is the audience of assertions that federated identity
// credentials take.
const exchangeAudience = "api://AzureADTokenExchange"

// FederatedCredential lets an app prove itself by a token of another issuer:
// a cluster's or a build's. All three are compared exactly.
type FederatedCredential struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
	// Audience is api://AzureADTokenExchange when empty.
	Audience string `json:"audience,omitempty"`
}

// issuerPath is where the simulator serves the issuer whose tokens it makes
// for tests; Entra would find such a one on the internet.
const issuerPath = "/issuer"

// serveIssuer answers as the OpenID provider of the test issuer.
func (s *Server) serveIssuer(w http.ResponseWriter, r *http.Request, rest string) {
	issuer := baseURL(r) + issuerPath
	switch rest {
	case ".well-known/openid-configuration":
		s.writeLoginJSON(w, http.StatusOK, map[string]any{
			"issuer": issuer, "jwks_uri": issuer + "/keys", "response_types_supported": []string{"id_token"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	case "keys":
		s.writeLoginJSON(w, http.StatusOK, s.keys.issuer.jwks())
	default:
		http.NotFound(w, r)
	}
}

// assertionAudience is the aud of a token: one text or a list.
type assertionAudience []string

func (a *assertionAudience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = assertionAudience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// checkFederated holds an assertion of another issuer to the app's federated
// credentials, as Entra does: issuer, then subject, then audience, then the
// signature by the issuer's published keys.
func (s *Server) checkFederated(app App, assertion string) *oauthError {
	parts := strings.Split(assertion, ".")
	var header struct {
		Algorithm string `json:"alg"`
		Key       string `json:"kid"`
	}
	var body struct {
		Issuer    string            `json:"iss"`
		Subject   string            `json:"sub"`
		Audience  assertionAudience `json:"aud"`
		NotBefore int64             `json:"nbf"`
		Expires   int64             `json:"exp"`
	}
	if len(parts) != 3 || decodePart(parts[0], &header) != nil || decodePart(parts[1], &body) != nil {
		return refuse(50027, "invalid_client", "JWT token is invalid or malformed.")
	}
	const missed = "No matching federated identity record found for presented assertion %s '%s'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion."
	with := func(test func(FederatedCredential) bool) []FederatedCredential {
		return slices.DeleteFunc(slices.Clone(app.FederatedCredentials), func(c FederatedCredential) bool { return c.Issuer != body.Issuer || !test(c) })
	}
	audience := func(c FederatedCredential) bool {
		return slices.Contains(body.Audience, cmp.Or(c.Audience, exchangeAudience))
	}
	subject := func(c FederatedCredential) bool { return c.Subject == body.Subject }
	now := s.now().Unix()
	switch {
	case len(with(func(FederatedCredential) bool { return true })) == 0:
		return refuse(700211, "invalid_client", missed, "issuer", body.Issuer)
	case len(with(subject)) == 0:
		return refuse(700213, "invalid_client", missed, "subject", body.Subject)
	case len(with(func(c FederatedCredential) bool { return subject(c) && audience(c) })) == 0:
		return refuse(700212, "invalid_client", missed, "audience", strings.Join(body.Audience, " "))
	case !s.servesIssuer(body.Issuer):
		return refuse(50166, "invalid_client", "Request to External OIDC endpoint failed.")
	case header.Algorithm != "RS256" || header.Key != s.keys.issuer.keyID() || !s.keys.issuer.signed(parts):
		return refuse(700027, "invalid_client", "Client assertion failed signature validation.")
	case body.Expires == 0 || now >= body.Expires || now < body.NotBefore-300:
		return refuse(700024, "invalid_client", "Client assertion is not within its valid time range.")
	}
	return nil
}

// servesIssuer says whether an issuer is the simulator's own, whichever of its
// names it was reached by: nobody else has its key.
func (s *Server) servesIssuer(issuer string) bool {
	u, err := url.Parse(issuer)
	return err == nil && u.Path == issuerPath && u.RawQuery == "" && u.Fragment == ""
}

// keyID is the kid of the key.
func (k *signingKey) keyID() string {
	k.get()
	return k.id
}

// signed verifies RS256.
func (k *signingKey) signed(parts []string) bool {
	signature, err := b64.DecodeString(parts[2])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return rsa.VerifyPKCS1v15(&k.get().PublicKey, crypto.SHA256, sum[:], signature) == nil
}

// sign makes a JWT with the key.
func (k *signingKey) sign(payload map[string]any) string {
	key := k.get()
	header, err := json.Marshal(map[string]string{"typ": "JWT", "alg": "RS256", "kid": k.id})
	if err != nil {
		panic("a header is plain: " + err.Error())
	}
	body, err := json.Marshal(payload)
	if err != nil {
		panic("claims are plain: " + err.Error())
	}
	signed := b64.EncodeToString(header) + "." + b64.EncodeToString(body)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic("signing a token: " + err.Error())
	}
	return signed + "." + b64.EncodeToString(sig)
}

// adminIssuerToken makes a token of the test issuer.
func (s *Server) adminIssuerToken(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Subject  string `json:"subject"`
		Audience string `json:"audience"`
		// ExpiresInSeconds is an hour when 0; negative has expired.
		ExpiresInSeconds int `json:"expiresInSeconds"`
	}
	if !read(w, r, &body) {
		return
	}
	if body.Subject == "" {
		adminError(w, errors.New("subject is needed"))
		return
	}
	now := s.now()
	issuer := baseURL(r) + issuerPath
	token := s.keys.issuer.sign(map[string]any{
		"iss": issuer, "sub": body.Subject, "aud": cmp.Or(body.Audience, exchangeAudience), "jti": newID(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Duration(cmp.Or(body.ExpiresInSeconds, 3600)) * time.Second).Unix(),
	})
	s.state.noteSecret("federated_token", token)
	adminJSON(w, http.StatusOK, map[string]string{"issuer": issuer, "token": token})
}
