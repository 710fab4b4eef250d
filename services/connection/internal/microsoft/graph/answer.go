package graph

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/jsontext"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// readFailure reads an error, of a request with an id, as far as it can be read.
func readFailure(id string, status int, header http.Header, body []byte, now time.Time) microsoft.GraphFailure {
	return microsoft.GraphFailure{
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
	return microsoft.Clip(e.Error.Code)
}

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
