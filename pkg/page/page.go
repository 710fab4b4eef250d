// Package page cuts lists into pages, and makes the opaque tokens by which a caller
// asks for the next one.
package page

const (
	// DefaultSize is the size of a page when the caller names none.
	DefaultSize = 50
	// MostCounted is how far a list is counted: what a tenant has may be a million.
	MostCounted = 10_000
)

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	Next  string // token of the next page; empty at the end
	Total *int32 // with the first page only, so that no page costs more than it
	// TotalIsMinimum says that there are more than Total, which is MostCounted then.
	TotalIsMinimum bool
}

// List is how one list is read.
type List[T any] struct {
	Size  int32  // at most; 0: DefaultSize
	Token string // of the page; empty for the first
	// Filters identify the list: a token is valid for the same filters only.
	Filters []string
	// Read gives up to limit entries after a place, nil for the beginning.
	Read func(after *Cursor, limit int32) ([]T, error)
	// Count counts the list and stops after so many; nil: it is not counted.
	Count func(most int32) (int32, error)
	// Place is the position of an entry in the list's order.
	Place func(T) Cursor
}

// Of reads one page of a list. ErrToken for a token that is not of this list; else
// the errors of Read and Count.
func Of[T any](l List[T]) (Page[T], error) {
	after, err := Parse(l.Token, l.Filters...)
	if err != nil {
		return Page[T]{}, err
	}
	size := l.Size
	if size == 0 {
		size = DefaultSize
	}
	var page Page[T]
	if after == nil && l.Count != nil {
		total, err := l.Count(MostCounted + 1)
		if err != nil {
			return Page[T]{}, err
		}
		page.TotalIsMinimum = total > MostCounted
		total = min(total, MostCounted)
		page.Total = &total
	}
	items, err := l.Read(after, size+1) // one more shows whether there is a next page
	if err != nil {
		return Page[T]{}, err
	}
	if len(items) > int(size) {
		items = items[:size]
		page.Next = l.Place(items[size-1]).Token(l.Filters...)
	}
	page.Items = items
	return page, nil
}
