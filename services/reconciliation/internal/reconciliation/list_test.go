package reconciliation

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
)

func FuzzPageToken(f *testing.F) {
	f.Add("")
	f.Add("AAAA")
	f.Add(page.Cursor{Key: "10000-01-01T00:00:00Z", ID: uuid.NewString()}.Token())
	f.Add(page.Cursor{Key: "2026-01-02T03:04:05.000006+23:59", ID: "no id"}.Token())
	item := Item{CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), ID: uuid.NewString()}
	f.Add(item.cursor().Token())
	f.Fuzz(func(t *testing.T, token string) {
		after, err := page.Parse(token)
		var place Place
		if err == nil {
			place, err = placeOf(after)
		}
		if err != nil {
			require.Equal(t, "invalid_argument", errs.ReasonOf(err))
			return
		}
		if token == "" {
			require.Zero(t, place)
			return
		}
		after, err = page.Parse((&Item{CreatedAt: place.CreatedAt, ID: place.ID}).cursor().Token())
		require.NoError(t, err)
		again, err := placeOf(after)
		require.NoError(t, err)
		require.Equal(t, place, again)
	})
}

func TestItemsAreFoundByWordsAndAddresses(t *testing.T) {
	t.Parallel()
	item := Sighting{DisplayName: "Zoë O'Neill-Müller", Email: "Z.Oneill@corp.example", UserPrincipalName: "zoe@corp.example"}
	found := func(q string) bool {
		search, text := searchFor(q), item.SearchText()
		return search == Search{} || strings.Contains(text, search.Address) || search.Words != "" && strings.Contains(text, search.Words)
	}
	for _, q := range []string{"", " ", "zoe", "ZOË", "neill", "mull", "o'neill", "O Neill", "neill-mü", "z.one", "zoe@corp", "z.oneill@corp.example"} {
		require.True(t, found(q), q)
	}
	for _, q := range []string{"oe", "eill", "corp", "neill zoe", "example", "-", "%"} {
		require.False(t, found(q), q)
	}
}
