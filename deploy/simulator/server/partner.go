package server

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// graphEnterpriseApp is the application id of Microsoft Graph in every tenant.
const graphEnterpriseApp = "00000003-0000-0000-c000-000000000000"

// partnerRoutes answers as api.partnercenter.microsoft.com.
func (s *Server) partnerRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	route := func(pattern string, answer func(w http.ResponseWriter, r *http.Request, t fleet.Tenant, f fired)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			name := s.tenantLabel(r.PathValue("tenant"))
			s.serveFaulty("partner.applicationconsents", name, w, r, func(w http.ResponseWriter, f fired) {
				if t, ok := s.partnerCaller(w, r); ok {
					answer(w, r, t, f)
				}
			})
		})
	}
	route("POST /v1/customers/{tenant}/applicationconsents", s.applicationConsent)
	route("DELETE /v1/customers/{tenant}/applicationconsents/{app}", s.removeConsent)
	return mux
}

// partnerError is an error of the Partner Center, whose code is text.
func (s *Server) partnerError(w http.ResponseWriter, status, code int, message string) {
	s.writeLoginJSON(w, status, map[string]any{"code": strconv.Itoa(code), "description": message, "data": []string{}, "source": "PartnerApplicationConsent"})
}

// partnerCaller checks the token and finds the customer; false after having
// answered.
func (s *Server) partnerCaller(w http.ResponseWriter, r *http.Request) (fleet.Tenant, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	c, err := s.readAccessToken(strings.TrimSpace(token), partnerResource)
	if !strings.EqualFold(scheme, "Bearer") || err != nil || c.TenantID != s.fleet.Partner().ID || !c.allows([]string{"user_impersonation"}, nil) {
		s.partnerError(w, http.StatusUnauthorized, 900401, "The access token is not valid for the Partner Center.")
		return fleet.Tenant{}, false
	}
	if wait, ok := s.throttle.spendPartner(c.App); !ok {
		w.Header().Set("Retry-After", strconv.Itoa(wait))
		s.partnerError(w, http.StatusTooManyRequests, 900429, "Too many requests.")
		return fleet.Tenant{}, false
	}
	// The Partner Center numbers its customers; it knows no domains.
	t, ok := s.fleet.Tenant(r.PathValue("tenant"))
	if !ok || !strings.EqualFold(t.ID, r.PathValue("tenant")) || !s.mayAdminister(c.UserID, t) {
		s.partnerError(w, http.StatusForbidden, 600002, "The partner has no relationship with the customer that allows this.")
		return fleet.Tenant{}, false
	}
	return t, true
}

// removeConsent takes back what the partner consented to for a customer.
func (s *Server) removeConsent(w http.ResponseWriter, r *http.Request, tenant fleet.Tenant, _ fired) {
	have := s.state.consentOf(r.PathValue("app"), tenant)
	if _, known := s.state.app(r.PathValue("app")); !known || len(have.Delegated) == 0 {
		s.partnerError(w, http.StatusNotFound, 900404, "The application was not found.")
		return
	}
	have.Delegated, have.Roles = nil, nil
	s.state.commit(record{Consent: &have})
	w.WriteHeader(http.StatusNoContent)
}

// applicationConsent lets the partner consent for a customer.
func (s *Server) applicationConsent(w http.ResponseWriter, r *http.Request, tenant fleet.Tenant, f fired) {
	var body struct {
		ApplicationID     string `json:"applicationId"`
		DisplayName       string `json:"displayName"`
		ApplicationGrants []struct {
			EnterpriseApplicationID string `json:"enterpriseApplicationId"`
			Scope                   string `json:"scope"`
		} `json:"applicationGrants"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil || len(body.ApplicationGrants) == 0 {
		s.partnerError(w, http.StatusBadRequest, 900400, "The request body is malformed.")
		return
	}
	if _, known := s.state.app(body.ApplicationID); !known {
		s.partnerError(w, http.StatusBadRequest, 900404, "The application was not found.")
		return
	}
	have := s.state.consentOf(body.ApplicationID, tenant)
	exists, added := f["consent-exists"], false
	for _, g := range body.ApplicationGrants {
		if g.EnterpriseApplicationID != graphEnterpriseApp {
			s.partnerError(w, http.StatusBadRequest, 900404, "The enterprise application was not found in the customer's directory.")
			return
		}
		for name := range strings.SplitSeq(g.Scope, ",") {
			name = strings.TrimSpace(name)
			if !slices.Contains(knownScopes[graphResource], name) {
				s.partnerError(w, http.StatusBadRequest, 900400, "The scope "+name+" does not exist.")
				return
			}
			if !slices.Contains(have.Delegated, name) {
				have.Delegated, added = append(slices.Clone(have.Delegated), name), true
			}
		}
	}
	if exists.Kind != "" || !added {
		s.partnerError(w, cmp.Or(exists.Status, http.StatusConflict), 900409, "Permission entry already exists.")
		return
	}
	s.state.commit(record{Consent: &have})
	s.writeLoginJSON(w, http.StatusCreated, body)
}
