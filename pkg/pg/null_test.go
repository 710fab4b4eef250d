package pg_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
)

func TestNullIsTheZeroValueOfADomain(t *testing.T) {
	t.Parallel()
	id, text := uuid.New(), "x"
	require.Empty(t, pg.Text(nil))
	require.Empty(t, pg.ID(nil))
	require.Nil(t, pg.TextOrNil(""))
	require.Equal(t, "x", pg.Text(&text))
	require.Equal(t, id.String(), pg.ID(&id))
	require.Equal(t, &text, pg.TextOrNil("x"))
}
