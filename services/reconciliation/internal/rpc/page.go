package rpc

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// A page token is the place of the last item shown: its time in microseconds since 1970 and its
// id, 24 bytes in base64url.
const tokenBytes = 24

func encodePlace(place *reconciliation.Place) string {
	if place == nil {
		return ""
	}
	id, err := uuid.Parse(place.ID)
	if err != nil {
		return ""
	}
	raw := binary.BigEndian.AppendUint64(make([]byte, 0, tokenBytes), uint64(place.CreatedAt.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(raw, id[:]...))
}

// decodePlace reads a token that came from outside; errs.Invalid, reason "invalid_argument".
func decodePlace(token string) (reconciliation.Place, error) {
	if token == "" {
		return reconciliation.Place{}, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenBytes {
		return reconciliation.Place{}, invalidToken()
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC()
	if at.Year() < 1970 || at.Year() > 9999 { // beyond what the database or JSON can tell
		return reconciliation.Place{}, invalidToken()
	}
	return reconciliation.Place{CreatedAt: at, ID: uuid.UUID(raw[8:]).String()}, nil
}

func invalidToken() error {
	return errs.New(errs.Invalid, "invalid_argument", "The page token is not one of ours.",
		errs.WithViolation("pageToken", "is not a token that a list gave"))
}
