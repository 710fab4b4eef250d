package syncengine_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/text"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func TestANameWithoutALetterOrDigitIsEmpty(t *testing.T) {
	t.Parallel()
	for _, empty := range []string{"", "-", "--", ".", "?", "\u3164", "\u200b\ufeff", "👍", "…", " \u2800 "} {
		require.Empty(t, syncengine.NormaliseName(empty), "%q", empty)
	}
	for _, name := range []string{"-A-", "7", "王", "Ⅻ"} {
		require.Equal(t, name, syncengine.NormaliseName(name))
	}
}

func TestANameComesFromWhatThereIs(t *testing.T) {
	t.Parallel()
	u := syncengine.User{ObjectID: "1", UserPrincipalName: "upn@c.de", Mail: "Ann.Lee@c.de", AccountEnabled: on()}
	u.DisplayName, u.GivenName, u.Surname = "\u200bAnn\r\n Lee\u202c", "x", "y"
	require.Equal(t, "Ann Lee", read(t, u, nil).FullName)
	u.DisplayName, u.GivenName, u.Surname = "-", " Ann\u200b", "Lee "
	got := read(t, u, nil)
	require.Equal(t, "Ann Lee", got.FullName)
	require.False(t, got.HasDisplayName)
	u.DisplayName, u.GivenName, u.Surname = "\u3164", "-", ""
	require.Equal(t, "Ann.Lee", read(t, u, nil).FullName)
	u.Mail = "<-@c.de>"
	require.Equal(t, "-@c.de", read(t, u, nil).FullName)
}

func TestTheKeyOfANameIsItsWords(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{
		"Jürgen Müller": "jurgen muller", "Smith-Jones, Ann": "smith jones ann", "Pat O'Brien": "pat o brien", "ΑΘΗΝΑ": "αθηνα", "Αθήνα": "αθηνα",
		"Nguyễn Văn": "nguyen van", "Йогов": "йогов", "soft\u00adhyphen": "softhyphen", "김철수": "김철수", "👍 Zoë\ufe0f": "zoe", "-": "",
		"Jørgen Weiß": "jorgen weiss", "ŁUKASZ ĐOKIĆ": "lukasz dokic",
	} {
		require.Equal(t, key, syncengine.NameKey(name), name)
	}
}

// TestAPlainKeyIsTheSameInEveryForm: names that versions until 000039 keyed are keyed anew only where
// their key is not plain.
func TestAPlainKeyIsTheSameInEveryForm(t *testing.T) {
	t.Parallel()
	notPlain := regexp.MustCompile(`[^a-z0-9 ]`)
	part := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"a", "B", "7", " ", "\u212a", "\u0130", "I", "\u017f", "é", "-", "\u00a0", "ﬁ", "ａ", "\u2460", "\u200b", "\u00ad", "\u0301", "\u3164", "ΑΘΉΝΑΣ", "Йо", "ễ", "ẞ", "ǿ", "Æ", "ı", "أ", "김", "\u1100\u1161", "👍",
	}))
	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "name"), "")
		if before := text.Normalise(strings.ToLower(text.Normalise(name))); !notPlain.MatchString(before) {
			require.Equal(t, before, syncengine.NameKey(name))
		}
		key := syncengine.NameKey(name)
		require.Equal(t, key, syncengine.NameKey(text.Normalise(name)), "a name that is stored has the key of the name that came")
		require.Equal(t, key, syncengine.NameKey(key))
	})
}
