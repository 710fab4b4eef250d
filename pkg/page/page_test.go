package page_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/searchkey"
)

func FuzzParse(f *testing.F) {
	for _, token := range []string{
		"", "e30", "bnVsbA", page.Cursor{Key: "acme", ID: "1"}.Token("f"), page.Cursor{Key: "\x00", ID: uuid.NewString()}.Token("f"),
		page.Cursor{Key: "2026-01-02T03:04:05.000006Z", ID: uuid.NewString()}.Token("f"), page.Cursor{ID: uuid.NewString()}.Token("f"),
	} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := page.Parse(token, "f")
		if err != nil {
			require.Equal(t, errs.Invalid, errs.KindOf(err))
			require.Equal(t, "invalid_argument", errs.ReasonOf(err))
			require.Nil(t, c)
			return
		}
		if c == nil {
			require.Empty(t, token)
			return
		}
		require.NotContains(t, c.Key, "\x00")
		again, err := page.Parse(c.Token("f"), "f")
		require.NoError(t, err)
		require.Equal(t, c, again)
		_, err = page.Parse(token, "another list")
		require.Error(t, err)
		if _, id, err := c.Place(); err == nil {
			require.NotEmpty(t, id.String())
		}
	})
}

func TestACursorComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 }))
		c := page.Cursor{Key: text.Draw(t, "key"), ID: text.Draw(t, "id")}
		filters := rapid.SliceOfN(text, 0, 3).Draw(t, "filters")
		token := c.Token(filters...)
		got, err := page.Parse(token, filters...)
		require.NoError(t, err)
		require.Equal(t, &c, got)
		_, err = page.Parse(token, append(filters, "more")...)
		require.ErrorIs(t, err, page.ErrToken)
	})
}

// TestTheTokenOfAnyNameFitsIntoARequest takes names as long as they may be, of letters
// that become many, that need four bytes, and that JSON may escape.
func TestTheTokenOfAnyNameFitsIntoARequest(t *testing.T) {
	t.Parallel()
	for _, letter := range []string{"\ufdfa", "\U00020000", "&", "<", "\u2028", "\"", "\\"} {
		key := searchkey.Of(strings.Repeat(letter, 256))
		token := page.Cursor{Key: key, ID: uuid.NewString()}.Token("clients", strings.Repeat("q", 256))
		require.LessOrEqual(t, len(token), 16384, "%q", letter)
		require.LessOrEqual(t, len(token), 3*len(key)+200, "%q", letter)
	}
}

func TestAPlaceIsOfAUUID(t *testing.T) {
	t.Parallel()
	key, id, err := (*page.Cursor)(nil).Place()
	require.NoError(t, err)
	require.Empty(t, key)
	require.Equal(t, uuid.Nil, id)
	want := uuid.New()
	key, id, err = (&page.Cursor{Key: "a", ID: want.String()}).Place()
	require.NoError(t, err)
	require.Equal(t, "a", key)
	require.Equal(t, want, id)
	_, _, err = (&page.Cursor{Key: "a", ID: "1"}).Place()
	require.ErrorIs(t, err, page.ErrToken)
}

// numbers is a list of the numbers below n.
func numbers(n, size int32, token string) page.List[int32] {
	return page.List[int32]{
		Size: size, Token: token, Filters: []string{"numbers"},
		Count: func(most int32) (int32, error) { return min(n, most), nil },
		Read: func(after *page.Cursor, limit int32) ([]int32, error) {
			from := int32(0)
			if after != nil {
				last, err := strconv.ParseInt(after.Key, 10, 32)
				if err != nil {
					return nil, page.ErrToken
				}
				from = int32(last) + 1
			}
			var all []int32
			for i := from; i < min(n, from+limit); i++ {
				all = append(all, i)
			}
			return all, nil
		},
		Place: func(i int32) page.Cursor { return page.Cursor{Key: strconv.Itoa(int(i))} },
	}
}

func TestPagesAreTheWholeList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, size, pages, first int32 }{{0, 3, 1, 0}, {3, 3, 1, 3}, {4, 3, 2, 3}, {7, 3, 3, 3}, {120, 0, 3, 50}} {
		var all []int32
		token, pages := "", int32(0)
		for {
			p, err := page.Of(numbers(c.n, c.size, token))
			require.NoError(t, err)
			if pages == 0 {
				require.Len(t, p.Items, int(c.first))
				require.Equal(t, c.n, *p.Total)
			} else {
				require.Nil(t, p.Total, "counted once")
			}
			pages++
			all = append(all, p.Items...)
			if token = p.Next; token == "" {
				break
			}
		}
		require.Equal(t, c.pages, pages)
		require.Len(t, all, int(c.n))
		require.True(t, slices.IsSorted(all))
	}
}

func TestAListIsCountedToABound(t *testing.T) {
	t.Parallel()
	for n, minimum := range map[int32]bool{page.MostCounted - 1: false, page.MostCounted: false, page.MostCounted + 1: true, 2 * page.MostCounted: true} {
		p, err := page.Of(numbers(n, 3, ""))
		require.NoError(t, err)
		require.Equal(t, min(n, page.MostCounted), *p.Total)
		require.Equal(t, minimum, p.TotalIsMinimum, n)
	}
}

func TestAPageThatCannotBeReadIsNone(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	list := numbers(3, 2, "")
	list.Read = func(*page.Cursor, int32) ([]int32, error) { return nil, broken }
	_, err := page.Of(list)
	require.ErrorIs(t, err, broken)
	list = numbers(3, 2, "")
	list.Count = func(int32) (int32, error) { return 0, broken }
	_, err = page.Of(list)
	require.ErrorIs(t, err, broken)
	for _, token := range []string{"e30", page.Cursor{Key: "1"}.Token("letters"), page.Cursor{Key: "one"}.Token("numbers")} {
		_, err = page.Of(numbers(3, 2, token))
		require.ErrorIs(t, err, page.ErrToken)
	}
}
