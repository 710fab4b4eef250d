package syncengine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func TestShareWord(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"Ann Lee", "LEE, Anna"},
		{"José Núñez", "jose nunez"},
		{"Anne-Marie Fox", "Marie Ray"},
		{"王 伟明", "伟明 李"},
		{"Ａnn Lee", "ann"},
		{"Jo", "jo"},
		{"می\u200cنا رضایی", "مینا"},
	} {
		require.True(t, syncengine.ShareWord(pair[0], pair[1]), pair)
		require.True(t, syncengine.ShareWord(pair[1], pair[0]), pair)
	}
	for _, pair := range [][2]string{
		{"Ann Lee", "Reception desk"}, {"J. Ray", "J. Fox"}, {"Ann", "Anna"}, {"", ""}, {"7 7", "7"}, {"-", "-"},
	} {
		require.False(t, syncengine.ShareWord(pair[0], pair[1]), pair)
	}
}
