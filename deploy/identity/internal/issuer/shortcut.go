package issuer

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// shortcut makes an access token for every caller, so that scripts and tests
// need no browser: POST /token {"tenantId", "sub", "userType", "permissions"}.
type shortcut struct {
	cfg Config
}

// tokenRequest is its body. Only tenantId and sub are required.
type tokenRequest struct {
	TenantID    string   `json:"tenantId"`
	Subject     string   `json:"sub"`
	UserType    string   `json:"userType"` // "internal" when absent
	Permissions []string `json:"permissions"`
	Name        string   `json:"name"`
	Email       string   `json:"email"`
	// ExpiresIn is in seconds from now; a negative one makes an expired token.
	ExpiresIn *int64 `json:"expiresIn"`
	// Audience stands in for the usual one.
	Audience string `json:"audience"`
}

type tokenResponse struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
}

const bodyLimit = 64 << 10

func (s *shortcut) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, err := decode(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	response, err := s.issue(request)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "server_error", "the token could not be signed")
		return
	}
	answer(w, http.StatusOK, response)
}

func decode(body io.Reader) (tokenRequest, error) {
	var request tokenRequest
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&request); err != nil {
		return request, fmt.Errorf(`the body must be JSON such as {"tenantId", "sub", "userType", "permissions"}: %w`, err)
	}
	if request.TenantID == "" || request.Subject == "" {
		return request, errors.New("tenantId and sub are required")
	}
	return request, nil
}

func (s *shortcut) issue(request tokenRequest) (tokenResponse, error) {
	person := Person{
		Subject: request.Subject, Name: request.Name, Email: request.Email, Tenant: request.TenantID,
		UserType: request.UserType, Permissions: request.Permissions,
	}
	if person.UserType == "" {
		person.UserType = "internal"
	}
	if person.Permissions == nil {
		person.Permissions = []string{}
	}
	lifetime := int64(s.cfg.Lifetime.Seconds())
	if request.ExpiresIn != nil {
		lifetime = *request.ExpiresIn
	}
	audience := s.cfg.Audience
	if request.Audience != "" {
		audience = request.Audience
	}
	now := s.cfg.Now().Unix()
	claims := map[string]any{
		"iss": s.cfg.URL, "aud": []string{audience}, "sub": person.Subject, "jti": rand.Text(),
		// One that has expired already was valid before that.
		"iat": min(now, now+lifetime-1), "nbf": min(now, now+lifetime-1), "exp": now + lifetime,
	}
	maps.Copy(claims, person.claims())
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: s.cfg.Key.private, KeyID: s.cfg.Key.id}},
		(&jose.SignerOptions{}).WithType("JWT"),
	)
	if err != nil {
		return tokenResponse{}, err
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	return tokenResponse{AccessToken: token, TokenType: "Bearer", ExpiresIn: lifetime}, err
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	answer(w, status, map[string]string{"error": code, "error_description": description})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// An error means that the asker is gone.
	_ = json.NewEncoder(w).Encode(body)
}
