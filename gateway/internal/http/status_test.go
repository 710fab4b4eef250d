package http_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/http"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// The page of errors says with which status a reason is answered.
func TestStatusesAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	kinds := map[string]errs.Kind{}
	for _, kind := range errs.Kinds() {
		kinds[kind.String()] = kind
	}
	for _, group := range reason.All() {
		for _, r := range group.Reasons {
			for _, kind := range r.Kinds {
				require.Contains(t, r.Statuses(), http.Status(errs.New(kinds[string(kind)], r.Name, "")), r.Name)
			}
		}
	}
}
