package discovery

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"hash/crc32"
	"io"

	"github.com/entrasync/entrasync/pkg/errs"
)

// DefaultPageSize is the size of a page when the caller names none.
const DefaultPageSize = 50

// Cursor is the place in a list, sorted by name and then id, after which a page
// begins.
type Cursor struct {
	NameKey string
	ID      string
}

// token is a cursor as it travels. Filter ties it to the request whose list it
// belongs to, and makes garbage improbable to pass.
type token struct {
	NameKey string `json:"n"`
	ID      string `json:"i"`
	Filter  uint32 `json:"f"`
}

// EncodeCursor makes the page token of a cursor for a list with these filters.
func EncodeCursor(c Cursor, filters ...string) string {
	encoded, err := json.Marshal(token{NameKey: c.NameKey, ID: c.ID, Filter: fingerprint(c, filters)})
	if err != nil {
		return "" // two strings and a number always encode
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// DecodeCursor reads a page token that EncodeCursor made for the same filters;
// nil for the empty token. Anything else is errs.Invalid, reason
// "invalid_argument".
func DecodeCursor(text string, filters ...string) (*Cursor, error) {
	if text == "" {
		return nil, nil
	}
	invalid := errs.New(errs.Invalid, "invalid_argument", "The page token does not belong to this list.",
		errs.WithViolation("pageToken", "does not belong to this list"))
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, invalid
	}
	decoder := json.NewDecoder(bytes.NewReader(decoded))
	decoder.DisallowUnknownFields()
	var t token
	if err := decoder.Decode(&t); err != nil {
		return nil, invalid
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, invalid
	}
	c := Cursor{NameKey: t.NameKey, ID: t.ID}
	if t.Filter != fingerprint(c, filters) {
		return nil, invalid
	}
	return &c, nil
}

func fingerprint(c Cursor, filters []string) uint32 {
	sum := crc32.NewIEEE()
	for _, part := range append([]string{c.NameKey, c.ID}, filters...) {
		_, _ = io.WriteString(sum, part+"\x00") // a hash takes everything
	}
	return sum.Sum32()
}
