package mapping_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

func TestNormalisationIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), names()).Draw(t, "text")
		name := mapping.NormaliseName(text)
		require.Equal(t, name, mapping.NormaliseName(name))
		checkDomain(t, rapid.OneOf(rapid.String(), rapid.SampledFrom(domainParts)).Draw(t, "domain"))
	})
}

// TestSpellingsOfOneName writes a name in ways that make no other company of it.
func TestSpellingsOfOneName(t *testing.T) {
	t.Parallel()
	words := []string{"Acme", "Contoso", "Müller", "Ромашка", "华兴", "النور", "Αθηνά", "한빛", "Ｎｏｒｔｈ", "हिंदी"}
	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 1, 3).Draw(t, "words"), " ")
		want := mapping.NormaliseName(name)
		for _, spelled := range []string{
			strings.ToUpper(name), strings.ToLower(name), norm.NFD.String(name), norm.NFKC.String(name), "  " + name + "\t",
			strings.ReplaceAll(name, " ", "-"), "«" + name + "»", name + " GmbH", name + ", Inc.", name + " S.p.A.", "ООО " + name, name + "有限公司",
			name + " GmbH & Co. KG", name + " S.A. de C.V.", name + " Sp. z o.o.", "PT " + name + " Tbk",
		} {
			require.Equal(t, want, mapping.NormaliseName(spelled), spelled)
		}
	})
}

// checkDomain is what holds for whatever text a domain is looked for in.
func checkDomain(t require.TestingT, text string) {
	domain, ok := mapping.NormaliseDomain(text)
	if !ok {
		return
	}
	again, ok := mapping.NormaliseDomain(domain)
	require.True(t, ok, domain)
	require.Equal(t, domain, again, "idempotent")
	require.Contains(t, domain, ".")
	require.NotContains(t, domain, "/")
	require.LessOrEqual(t, len(domain), 253)
	for _, r := range domain {
		require.True(t, r == '.' || r == '-' || (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9'), domain)
	}
	written, err := idna.Punycode.ToUnicode(domain)
	require.NoError(t, err)
	for _, spelled := range []string{
		"https://" + domain + ":443/path", "//user:secret@" + domain + "?q=a@b.c", " " + strings.ToUpper(domain) + ". ", written, "http://" + written + "/#x",
		domain + "/https://other.example/", domain + "?u=https://other.example", domain + "#//other.example", domain + "://other.example",
	} {
		same, ok := mapping.NormaliseDomain(spelled)
		require.True(t, ok, spelled)
		require.Equal(t, domain, same, spelled)
	}
	same, ok := mapping.NormaliseEmailDomain("a@b@" + domain)
	require.True(t, ok)
	require.Equal(t, domain, same)
	if mapping.Distinctive(domain) && len(domain) < 240 {
		same, ok = mapping.NormaliseDomain("www." + domain)
		require.True(t, ok)
		require.Equal(t, domain, same)
	}
}

func FuzzNormaliseDomain(f *testing.F) {
	for _, text := range append(domainParts, "https://user@www.www.Acme.com.:80/x@y?z#w", "[::1]:80", "a..b", "www.com", "http://http://a.b", "a.b/http://c.d", "a.b c://d.e", "ﬁ.de", "ß.de") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkDomain(t, text) })
}

func FuzzNormaliseName(f *testing.F) {
	for _, text := range slices.Concat(nameWords, nameForms, []string{"A 有限 公司", "ﷺ", "™", "İstanbul A.Ş.", "Ⅻ Ltd", "x y z", "a und", "ی ک ة"}) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name := mapping.NormaliseName(text)
		require.Equal(t, name, mapping.NormaliseName(name), "idempotent")
		require.True(t, utf8.ValidString(name))
		require.False(t, strings.ContainsFunc(name, func(r rune) bool {
			return unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsControl(r)
		}), name)
	})
}

// TestTheListOfMailboxDomains reads the list that is made from published ones.
func TestTheListOfMailboxDomains(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("mailbox_domains.txt")
	require.NoError(t, err)
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(text)), "\n"), func(line string) bool { return line[0] == '#' })
	require.Greater(t, len(lines), 5000)
	require.True(t, slices.IsSorted(lines))
	for _, domain := range lines {
		same, ok := mapping.NormaliseDomain(domain)
		require.True(t, ok, domain)
		require.Equal(t, domain, same)
		require.False(t, mapping.Distinctive(domain), domain)
	}
	for _, domain := range []string{"gmail.com", "outlook.com", "proton.me", "qq.com", "mail.ru", "web.de", "orange.fr", "btinternet.com", "yahoo.co.jp"} {
		require.False(t, mapping.Distinctive(domain), domain)
	}
	for _, domain := range []string{"microsoft.com", "siemens.com", "bbc.co.uk", "mit.edu", "toyota.co.jp", "sap.de", "x.com", "mail.example.com"} {
		require.True(t, mapping.Distinctive(domain), domain)
	}
}
