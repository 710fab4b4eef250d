package jsontext_test

import (
	"encoding/json"
	"testing"

	"github.com/entrasync/entrasync/services/connection/internal/microsoft/jsontext"
)

// FuzzText holds the reading of strings against encoding/json.
func FuzzText(f *testing.F) {
	for _, seed := range []string{`"plain"`, `"\u00e9\ud83d\ude00\n\/"`, "\"\xff\"", `"\ud800x"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := jsontext.Scanner{Data: body}
		raw, escaped, err := s.Text()
		s.Space()
		var want string
		wantErr := json.Unmarshal(body, &want)
		if err != nil || s.Pos != len(body) {
			if wantErr == nil && want != "" {
				t.Fatalf("refused %q", body)
			}
			return
		}
		if wantErr != nil {
			t.Fatalf("took %q", body)
		}
		if got, _ := jsontext.Decode(raw, escaped); got != want {
			t.Fatalf("%q: got %q, want %q", body, got, want)
		}
	})
}
