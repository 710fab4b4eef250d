package microsoft

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/microsoft/jsontext"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// What is wrong with links in an answer.
var (
	errForeignLink = errors.New("a link leads out of its listing")
	errLongLink    = errors.New("a delta link is too long to be kept")
)

// requestIDIn is the id by which Microsoft finds a request: the one that it gave,
// in the header that Graph, the identity platform or the Partner Center has for it,
// else the one that we sent along. What stands between us and them gives none.
func requestIDIn(header http.Header, ours string) string {
	return cmp.Or(clip(cmp.Or(header.Get("request-id"), header.Get("x-ms-request-id"), header.Get("MS-RequestId"))), ours)
}

// readFailure reads an error, of a request with an id, as far as it can be read.
func readFailure(id string, status int, header http.Header, body []byte, now time.Time) graphFailure {
	return graphFailure{
		Status: status, Code: errorCode(body), RequestID: id,
		RetryAfter: outbound.RetryAfter(header, now), Scope: header.Get("x-ms-throttle-scope"),
	}
}

// errorCode is the code in an error of Graph, empty where it cannot be read: the
// status decides.
func errorCode(body []byte) string {
	var e struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	return clip(e.Error.Code)
}

// clip bounds what an outside party may put into our errors, and leaves out what
// is no text: a header may hold any bytes.
func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 64)], "") }

// parseRows reads a page of a small listing.
func parseRows[T any](body []byte) (rows []T, next string, err error) {
	var page struct {
		Value    *[]T   `json:"value"`
		NextLink string `json:"@odata.nextLink"`
	}
	if json.Unmarshal(body, &page) != nil || page.Value == nil {
		return nil, "", jsontext.ErrSyntax
	}
	return *page.Value, page.NextLink, nil
}
