package microsoft

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

func TestTokenFailures(t *testing.T) {
	t.Parallel()
	type want struct {
		reason string
		class  connection.Class
	}
	reconnect, bug := want{"refresh_failed", connection.Reconnect}, want{"refresh_failed", connection.Bug}
	retry := want{"upstream_error", connection.Retry}
	customer := func(reason string) want { return want{reason, connection.Customer} }
	rows := []struct {
		numbers           []int
		code              string
		partner, customer want
	}{
		{[]int{70008, 700082, 50173, 70043, 70000, 50057}, "invalid_grant", reconnect, customer("refresh_failed")},
		{[]int{50074, 50076, 50078, 50079}, "interaction_required", reconnect, customer("conditional_access")},
		{[]int{7000215, 7000222, 700027}, "invalid_client", bug, bug},
		{[]int{65001, 90099, 650056, 700016}, "invalid_grant", want{"consent_missing", connection.Reconnect}, customer("consent_missing")},
		{[]int{50020, 50177}, "invalid_grant", want{"auth_rejected", connection.Reconnect}, customer("gdap_ended")},
		{[]int{53003, 530032, 530034, 500212, 500213}, "invalid_grant", want{"conditional_access", connection.Reconnect}, customer("conditional_access")},
		{[]int{90002, 5000224, 900023}, "invalid_request", want{"tenant_gone", connection.Bug}, customer("tenant_gone")},
		{[]int{50033, 90006, 90012, 90024, 90033, 90055}, "temporarily_unavailable", retry, retry},
		{[]int{54005, 501481, 50011, 700005}, "invalid_grant", reconnect, customer("refresh_failed")},
	}
	tested := map[int]bool{}
	check := func(at Authority, f OAuthFailure, w want) {
		t.Helper()
		err := ClassifyToken(at, f)
		require.Equal(t, w.reason, errs.ReasonOf(err), "AADSTS%v at %d", f.Numbers, at)
		require.Equal(t, w.class, connection.ClassOf(err), "AADSTS%v at %d", f.Numbers, at)
		var e *errs.Error
		require.ErrorAs(t, err, &e)
		require.NotEmpty(t, e.Public())
		require.NotEmpty(t, e.Metadata()["remedy"])
	}
	for _, row := range rows {
		for _, number := range row.numbers {
			tested[number] = true
			f := OAuthFailure{Status: http.StatusBadRequest, Code: row.code, Numbers: []int{number}}
			check(AtPartner, f, row.partner)
			check(AtCustomer, f, row.customer)
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(aadsts)), slices.Collect(maps.Keys(tested)), "every row of the table is tested")

	unknown := OAuthFailure{Status: http.StatusBadRequest, Code: "invalid_grant", Numbers: []int{424242}}
	check(AtPartner, unknown, reconnect)
	check(AtCustomer, unknown, customer("refresh_failed"))
	check(AtCustomer, OAuthFailure{Status: http.StatusBadRequest, Code: "invalid_grant"}, customer("refresh_failed"))
	check(AtPartner, OAuthFailure{Status: http.StatusBadRequest, Code: "invalid_grant"}, reconnect)
	check(AtPartner, OAuthFailure{Status: http.StatusUnauthorized, Code: "invalid_client"}, bug)
	check(AtCustomer, OAuthFailure{Status: http.StatusBadRequest, Code: "interaction_required"}, customer("conditional_access"))
	check(AtPartner, OAuthFailure{Status: http.StatusBadGateway}, retry)
	check(AtPartner, OAuthFailure{Status: http.StatusTooManyRequests}, want{"throttled", connection.Retry})
	check(AtPartner, OAuthFailure{Status: http.StatusBadRequest, Code: "invalid_scope"}, want{"upstream_error", connection.Bug})
}

func TestGraphFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status            int
		reason            string
		partner, customer connection.Class
	}{
		{401, "auth_rejected", connection.Reconnect, connection.Customer},
		{403, "consent_missing", connection.Reconnect, connection.Customer},
		{404, "upstream_error", connection.Bug, connection.Bug},
		{400, "upstream_error", connection.Bug, connection.Bug},
		{302, "upstream_error", connection.Bug, connection.Bug},
		{429, "throttled", connection.Retry, connection.Retry},
		{500, "upstream_error", connection.Retry, connection.Retry},
		{501, "upstream_error", connection.Bug, connection.Bug},
		{503, "upstream_error", connection.Retry, connection.Retry},
		{504, "upstream_error", connection.Retry, connection.Retry},
	} {
		for at, class := range map[Authority]connection.Class{AtPartner: c.partner, AtCustomer: c.customer} {
			err := ClassifyGraph(at, GraphFailure{Status: c.status, RequestID: "r-1", RetryAfter: 7 * time.Second})
			require.Equal(t, c.reason, errs.ReasonOf(err), c.status)
			require.Equal(t, class, connection.ClassOf(err), c.status)
			var e *errs.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, "r-1", e.Metadata()["request_id"])
			require.Equal(t, 7*time.Second, e.RetryAfter())
		}
	}
}

func TestHowListingsEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		code   string
		want   ListingEnd
	}{
		{410, "", ResyncRequired},
		{410, "resyncRequired", ResyncRequired},
		{400, "resyncRequired", ResyncRequired},
		{400, "SyncStateNotFound", ResyncRequired},
		{400, "syncstatenotfound", ResyncRequired},
		{400, "Directory_ExpiredPageToken", PageTokenExpired},
		{400, "Request_BadRequest", GoesOn},
		{403, "resyncRequired", GoesOn},
	} {
		require.Equal(t, c.want, ListingEndOf(GraphFailure{Status: c.status, Code: c.code}), "%d %s", c.status, c.code)
	}
}

func TestEndpointsMustBeSafe(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://graph.microsoft.com", "http://127.0.0.1:9400", "http://[::1]:9400/", "http://localhost:9400"} {
		_, err := Address("Graph", good)
		require.NoError(t, err, good)
	}
	for _, bad := range []string{"", "graph.microsoft.com", "http://graph.microsoft.com", "http://10.0.0.1", "ftp://localhost", "https://user@host", "https://host/?x=1", "http://localhost.evil.example"} {
		_, err := Address("Graph", bad)
		require.Error(t, err, bad)
	}
}

func TestAnErrorOfNobodyIsOurs(t *testing.T) {
	t.Parallel()
	require.Equal(t, connection.Bug, connection.ClassOf(errors.New("who knows")))
}
