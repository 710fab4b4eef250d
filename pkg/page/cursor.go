package page

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"hash/crc32"
	"io"
	"strings"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ErrToken means that a page token is not one of this list.
var ErrToken = errs.New(errs.Invalid, reason.InvalidArgument, "The page token does not belong to this list.",
	errs.WithViolation("pageToken", "does not belong to this list"))

// Cursor is the place in a list, sorted by a key and then an id, after which a page
// begins.
type Cursor struct {
	Key string
	ID  string
}

// token is a cursor as it travels. Filter binds it to the filters of its list,
// and makes it unlikely that garbage passes.
type token struct {
	Key    string `json:"k"`
	ID     string `json:"i"`
	Filter uint32 `json:"f"`
}

// Token is the page token of a cursor, for a list with these filters. It is at most
// half as long again as the key and some; requests take 16,384 characters, which is more
// than the key of a name of 256 makes, whatever its script.
func (c Cursor) Token(filters ...string) string {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(token{Key: c.Key, ID: c.ID, Filter: fingerprint(c, filters)}); err != nil {
		return "" // two strings and a number always encode
	}
	return base64.RawURLEncoding.EncodeToString(bytes.TrimSuffix(encoded.Bytes(), []byte("\n")))
}

// Parse reads a page token that Token made for the same filters; nil for the empty
// one, ErrToken for anything else.
func Parse(text string, filters ...string) (*Cursor, error) {
	if text == "" {
		return nil, nil
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, ErrToken
	}
	decoder := json.NewDecoder(bytes.NewReader(decoded))
	decoder.DisallowUnknownFields()
	var t token
	if err := decoder.Decode(&t); err != nil {
		return nil, ErrToken
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, ErrToken
	}
	c := Cursor{Key: t.Key, ID: t.ID}
	// The fingerprint is no secret, so the key may be anything; a NUL cannot be
	// looked for.
	if t.Filter != fingerprint(c, filters) || strings.ContainsRune(c.Key, 0) {
		return nil, ErrToken
	}
	return &c, nil
}

// Place is the cursor of a list whose ids are UUIDs, as a query takes it: for nil
// the zero values, which sort before everything. ErrToken for an id that is not a
// UUID.
func (c *Cursor) Place() (key string, id uuid.UUID, err error) {
	if c == nil {
		return "", uuid.Nil, nil
	}
	if id, err = uuid.Parse(c.ID); err != nil {
		return "", uuid.Nil, ErrToken
	}
	return c.Key, id, nil
}

func fingerprint(c Cursor, filters []string) uint32 {
	sum := crc32.NewIEEE()
	for _, part := range append([]string{c.Key, c.ID}, filters...) {
		_, _ = io.WriteString(sum, part+"\x00") // a hash never fails
	}
	return sum.Sum32()
}
