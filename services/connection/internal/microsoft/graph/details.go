package graph

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/jsontext"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// The items of the batch that reads a managed tenant's details.
const (
	organizationItem = iota
	countItem
)

// organization is an /organization row as far as it is used.
type organization struct {
	VerifiedDomains []struct {
		Name      string `json:"name"`
		IsDefault bool   `json:"isDefault"`
	} `json:"verifiedDomains"`
}

// parseOrganization reads a directory's verified domains.
func parseOrganization(body []byte, into *connection.Details) error {
	var page struct {
		Value []organization `json:"value"`
	}
	if json.Unmarshal(body, &page) != nil || len(page.Value) == 0 {
		return jsontext.ErrSyntax
	}
	into.Domains, into.PrimaryDomain = nil, ""
	for _, domain := range page.Value[0].VerifiedDomains {
		into.AddDomain(domain.Name, domain.IsDefault)
	}
	return nil
}

// TenantDetails asks a managed tenant's own directory for its domains and the
// number of its users, in one request. What one of them gives is returned also
// when the other fails, beside the error.
func (c *Client) TenantDetails(ctx context.Context, tokens connection.TokenSource, r connection.TenantRequest) (connection.Details, error) {
	request, err := c.newRequest(ctx, microsoft.AtCustomer, tokens, r.Priority)
	if err != nil {
		return connection.Details{}, err
	}
	items := []item{
		organizationItem: {url: "/organization?$select=id,verifiedDomains", cost: costOf(costDefault, true, 0)},
		countItem:        {url: "/users/$count", eventual: true, cost: costOf(costDefault, false, 0)},
	}
	var details connection.Details
	var problems [2]error
	err = c.batch(ctx, request, items, func(i int, a itemAnswer) error {
		switch {
		case a.Status != http.StatusOK:
			problems[i] = classified(a.refusal(request.at, c.now()))
		case i == organizationItem:
			if err := parseOrganization(a.Body, &details); err != nil {
				problems[i] = microsoft.Unreadable(err, a.requestID())
			}
		default:
			n, err := countOf(a.Body)
			if err != nil {
				problems[i] = microsoft.Unreadable(err, a.requestID())
				return nil
			}
			details.UserCount = &n
			request.quota.Size(int(n))
		}
		return nil
	})
	for _, problem := range append([]error{err}, problems[:]...) {
		if problem != nil {
			return details, problem
		}
	}
	return details, nil
}

// countOf reads the text of $count as a batch carries it: as it is, or, as of any
// answer that is not JSON, in base64.
func countOf(body json.RawMessage) (int32, error) {
	var text string
	if json.Unmarshal(body, &text) != nil {
		return count(bytes.TrimSpace(body))
	}
	if n, err := count([]byte(text)); err == nil {
		return n, nil
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if raw, err := encoding.DecodeString(text); err == nil {
			return count(raw)
		}
	}
	return 0, jsontext.ErrSyntax
}

// CountUsers counts the users of a managed tenant.
func (c *Client) CountUsers(ctx context.Context, tokens connection.TokenSource, r connection.TenantRequest) (int32, error) {
	request, err := c.newRequest(ctx, microsoft.AtCustomer, tokens, r.Priority)
	if err != nil {
		return 0, err
	}
	request.url, request.cost, request.eventual, request.plainText = c.graphURL("/v1.0/users/$count", nil), costOf(costDefault, false, 0), true, true
	var n int32
	err = c.read(ctx, request, func(a answer) error {
		raw, err := outbound.ReadBody(a.body, nil, maxSmallBytes)
		if err != nil {
			return err
		}
		n, err = count(bytes.TrimSpace(raw))
		return err
	})
	if err != nil {
		return 0, classified(err)
	}
	request.quota.Size(int(n))
	return n, nil
}

// count reads a small whole number in text, such as the answer of $count.
func count(body []byte) (int32, error) {
	// Graph's own answer begins with a byte order mark.
	if len(body) >= 3 && string(body[:3]) == "\ufeff" {
		body = body[3:]
	}
	n, err := strconv.ParseInt(string(body), 10, 32)
	if err != nil || n < 0 {
		return 0, errors.New("not a count")
	}
	return int32(n), nil
}
