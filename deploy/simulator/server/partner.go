package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// graphEnterpriseApp is the application id of Microsoft Graph in every tenant.
const graphEnterpriseApp = "00000003-0000-0000-c000-000000000000"

// partnerRoutes answers as api.partnercenter.microsoft.com.
func (s *Server) partnerRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/customers/{tenant}/applicationconsents", func(w http.ResponseWriter, r *http.Request) {
		tenant := r.PathValue("tenant")
		s.serve("partner.applicationconsents", tenant, w, r, func(w http.ResponseWriter) { s.applicationConsent(w, r, tenant) })
	})
	return mux
}

// partnerError is an error of the Partner Center.
func (s *Server) partnerError(w http.ResponseWriter, status, code int, message string) {
	s.writeLoginJSON(w, status, map[string]any{"code": code, "description": message, "data": []string{}, "source": "PartnerApplicationConsent"})
}

// applicationConsent lets the partner consent for a customer.
func (s *Server) applicationConsent(w http.ResponseWriter, r *http.Request, tenantID string) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	c, err := s.readAccessToken(token, partnerResource)
	if !strings.EqualFold(scheme, "Bearer") || err != nil || c.TenantID != s.fleet.Partner().ID || !c.allows([]string{"user_impersonation"}, nil) {
		s.partnerError(w, http.StatusUnauthorized, 900401, "The access token is not valid for the Partner Center.")
		return
	}
	tenant, ok := s.fleet.Tenant(tenantID)
	if !ok || !s.fleet.MayAdminister(tenant.ID, s.now()) {
		s.partnerError(w, http.StatusForbidden, 600002, "The partner has no relationship with the customer that allows this.")
		return
	}
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
	added := false
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
	if !added {
		s.partnerError(w, http.StatusConflict, 900409, "Permission entry already exists.")
		return
	}
	s.state.commit(record{Consent: &have})
	s.writeLoginJSON(w, http.StatusCreated, body)
}
