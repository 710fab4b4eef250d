package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
)

func TestWhatIsNotSetIsAbsent(t *testing.T) {
	t.Parallel()
	at, text := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC), "x"
	require.Nil(t, wire.Timestamp(nil))
	require.Nil(t, wire.Time(nil))
	require.Nil(t, wire.Optional(""))
	require.Equal(t, timestamppb.New(at), wire.Timestamp(&at))
	require.Equal(t, &at, wire.Time(timestamppb.New(at)))
	require.Equal(t, &text, wire.Optional("x"))
}
