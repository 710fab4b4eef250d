package syncengine_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/text/texttest"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func TestWhatSurroundsAnAddressGoes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\u200ba@x.de": "a@x.de", "\ufeffa@x.de": "a@x.de", "a@x.de;": "a@x.de", "a@x.de ,; ": "a@x.de", "<a@x.de>": "a@x.de",
		"mailto:a@x.de": "a@x.de", "MAILTO: a@x.de?subject=Hi%20there": "a@x.de", "'a@x.de'": "a@x.de", `"a@x.de"`: "a@x.de", "“a@x.de”": "a@x.de",
		"o’brien@x.de": "o'brien@x.de", "‘a@x.de’": "a@x.de", "<mailto:a@x.de>;": "a@x.de", "Ann Lee <Ann@X.de>": "ann@x.de",
		`"Lee, Ann" <a@x.de>`: "a@x.de", "a@x.de <a@x.de>": "a@x.de", "'a@x.de' <A@x.de>": "a@x.de", "a\u200b@x\u00ad.de\r\n": "a@x.de",
		"a@Bücher.example": "a@xn--bcher-kva.example", "a@x。de": "a@x.de", "\u202aa@x.de\u202c": "a@x.de", "a+b.c@x.de": "a+b.c@x.de",
		"jürgen@x.de": "jürgen@x.de", "ann_o'neil#ext#@x.de": "ann_o'neil#ext#@x.de", "a@sub_domain.x.de": "a@sub_domain.x.de",
	} {
		got, problem := syncengine.ReadAddress(in)
		require.Empty(t, problem, "%q", in)
		require.Equal(t, want, got.Norm, "%q", in)
		require.Equal(t, want, strings.ToLower(strings.NewReplacer("Bücher", "xn--bcher-kva", "。", ".").Replace(got.Shown)), "%q", in)
	}
	got, _ := syncengine.ReadAddress(" Ann O’Brien <Ann.O’Brien@Corp.Example>; ")
	require.Equal(t, "Ann.O'Brien@Corp.Example", got.Shown, "as it was written")
}

func TestWhatIsNoAddressIsSaid(t *testing.T) {
	t.Parallel()
	const two = "holds more than one address"
	for in, want := range map[string]string{
		"a@x.de; b@x.de": two, "a@x.de,b@x.de": two, "a@x.de b@x.de": two, "a@x.de/b@x.de": two, "<a@x.de><b@x.de>": two, "a@@x.de": two,
		"a@x.de <b@x.de>": two, "A <a@x.de>; B <b@x.de>": two,
		"ann":                             "is not an address: it has no @",
		"@x.de":                           "is not an address: nothing stands before the @",
		"a@":                              "is not an address: nothing stands after the @",
		"a b@x.de":                        "is not an address: a space cannot stand before the @",
		"a@x.de (home)":                   "is not an address: a space cannot stand in a domain",
		`"a"@x.de`:                        "is not an address: the character \" cannot stand before the @",
		"<<a@x.de>>":                      "is not an address: the character > cannot stand in a domain",
		"a\ufffd@x.de":                    "is not an address: the character U+FFFD cannot stand before the @",
		"a\u200db@x.de":                   "is not an address: the character U+200D cannot stand before the @",
		"a@x":                             "is not an address: the domain has no dot, or a part of it is empty or too long",
		"a@x.de.":                         "is not an address: the domain has no dot, or a part of it is empty or too long",
		"a@x..de":                         "is not an address: the domain has no dot, or a part of it is empty or too long",
		"a@x.de”":                         "is not an address: what stands after the @ is not a domain",
		"a@[10.0.0.1]":                    "is not an address: the character [ cannot stand in a domain",
		"\xff@x.de":                       "is not valid UTF-8",
		strings.Repeat("a", 65) + "@x.de": "is not an address: more than 64 bytes stand before the @",
		"a@" + strings.Repeat(strings.Repeat("b", 60)+".", 5):        "is not an address: the domain has no dot, or a part of it is empty or too long",
		"a@" + strings.Repeat(strings.Repeat("b", 60)+".", 5) + "de": "is longer than 254 bytes",
		strings.Repeat("a", 3000):                                    "is longer than 254 bytes",
	} {
		_, problem := syncengine.ReadAddress(in)
		require.Equal(t, want, problem, "%q", in)
		_, ok := syncengine.NormaliseAddress(in)
		require.False(t, ok)
	}
}

// checkAddress is what holds for whatever field an address was read from.
func checkAddress(t require.TestingT, field string) {
	got, problem := syncengine.ReadAddress(field)
	if problem != "" {
		require.Equal(t, syncengine.Address{}, got)
		return
	}
	again, problem := syncengine.ReadAddress(got.Norm)
	require.Empty(t, problem, "%q of %q", got.Norm, field)
	require.Equal(t, got.Norm, again.Norm, "idempotent: %q", field)
	shown, problem := syncengine.ReadAddress(got.Shown)
	require.Empty(t, problem, "%q of %q", got.Shown, field)
	require.Equal(t, got, shown, "%q", field)
	require.LessOrEqual(t, len(got.Norm), 254)
	require.Equal(t, 1, strings.Count(got.Norm, "@"))
	require.NotContains(t, got.Norm, " ")
	require.Equal(t, got.Norm, strings.ToLower(got.Norm))
	local, domain, _ := strings.Cut(got.Norm, "@")
	require.LessOrEqual(t, len(local), 64)
	for _, spelled := range []string{
		" " + got.Shown + "\r\n", "<" + got.Shown + ">", "\ufeff" + got.Shown + "\u200b", got.Shown + ";", "Ann Lee <" + got.Shown + ">",
		local + "@" + strings.ToUpper(domain),
	} {
		same, problem := syncengine.ReadAddress(spelled)
		require.Empty(t, problem, "%q", spelled)
		require.Equal(t, got.Norm, same.Norm, "%q", spelled)
	}
}

func TestAnAddressIsTheSameInAllItsForms(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.OneOf(texttest.Odd(), rapid.Map(texttest.Odd(), func(s string) string { return s + "@c.de" })).Draw(t, "field")
		checkAddress(t, field)
	})
}

// TestBareTextIsReadAsAnyOther: letters, digits and a few signs, which have a shorter way.
func TestBareTextIsReadAsAnyOther(t *testing.T) {
	t.Parallel()
	part := rapid.OneOf(
		rapid.StringOf(rapid.SampledFrom([]rune("aZ09.-_+@"))), rapid.SampledFrom([]string{"xn--", "XN--bcher-kva", "corp.example", "@", strings.Repeat("a", 64)}),
	)
	rapid.Check(t, func(t *rapid.T) {
		field := strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "parts"), "")
		got, problem := syncengine.ReadAddress(field)
		same, sameProblem := syncengine.ReadAddress("<" + field + ">")
		require.Equal(t, sameProblem, problem, "%q", field)
		require.Equal(t, same.Norm, got.Norm, "%q", field)
	})
}

func FuzzReadAddress(f *testing.F) {
	for _, seed := range []string{
		"mailto:a@x.de?b@c", "Ann <a@x.de>", `"'a@x.de'"`, "<<a@x.de>>", "a@x.de,;", "‘a’@x.de", "a@xn--bcher-kva.de", "ﬁ@ﬁ.de", "İ@x.de", "a@\u212a.de", "'a@x.de", ";a@x.de", "<a@x.de> ",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) { checkAddress(t, field) })
}

func TestAddressesOfAUser(t *testing.T) {
	t.Parallel()
	u := syncengine.User{
		ObjectID: "1", UserPrincipalName: "upn@c.de", Mail: "<Mail@c.de>", DisplayName: "Ann", AccountEnabled: on(),
		ProxyAddresses: []string{"smtp:z@c.de", "SMTP:primary@c.de", "smtp:a@c.de"}, OtherMails: []string{"shared-recovery@gmail.example"},
	}
	got := read(t, u, nil)
	require.Equal(t, []string{"mail@c.de", "primary@c.de", "upn@c.de", "a@c.de", "z@c.de"}, got.Addresses)
	require.Equal(t, 3, got.Own)
	require.Equal(t, "Mail@c.de", got.Email)
	u.Mail = "one@c.de; two@c.de"
	got = read(t, u, nil)
	require.Equal(t, "primary@c.de", got.Email, "two addresses are none")
	require.False(t, got.EmailIsMail)
	u.ProxyAddresses = nil
	require.Equal(t, "upn@c.de", read(t, u, nil).Email)

	guest := syncengine.User{
		ObjectID: "2", UserPrincipalName: "ann_gmail.com#EXT#@corp.onmicrosoft.example", UserType: "guest", DisplayName: "Ann", AccountEnabled: on(),
		OtherMails: []string{"none", "Ann@gmail.com", "other@gmail.com"},
	}
	got = read(t, guest, nil)
	require.Equal(t, []string{"ann@gmail.com"}, got.Addresses)
	require.Equal(t, "Ann@gmail.com", got.Email)
	require.Empty(t, got.Verdict)
	guest.OtherMails = nil
	got = read(t, guest, nil)
	require.Equal(t, syncengine.FilterNoAddress, got.Verdict)
	require.Empty(t, got.Email)
	guest.ProxyAddresses = []string{"smtp:alias@c.de"}
	require.Equal(t, syncengine.FilterNoAddress, read(t, guest, nil).Verdict, "an alias alone makes no contact")
}

func TestListsAreSets(t *testing.T) {
	t.Parallel()
	a := syncengine.User{
		ObjectID: "1", UserPrincipalName: "x@c.de", DisplayName: "Ann", AccountEnabled: on(), BusinessPhones: []string{"2", "1"},
		ProxyAddresses: []string{"smtp:b@c.de", "smtp:a@c.de", "SMTP:x@c.de"}, OtherMails: []string{"q@c.de", "p@c.de"},
	}
	b := a
	b.BusinessPhones, b.ProxyAddresses = []string{"1", "2", "1"}, []string{"SMTP:x@c.de", "smtp:a@c.de", "smtp:b@c.de", "smtp:a@c.de"}
	b.OtherMails = []string{"p@c.de", "q@c.de"}
	require.Equal(t, read(t, a, nil), read(t, b, nil))
	b.OtherMails = []string{"p@c.de"}
	require.NotEqual(t, read(t, a, nil).Content, read(t, b, nil).Content)
	b = a
	b.ProxyAddresses, b.OtherMails = b.ProxyAddresses[:2], append([]string{"SMTP:x@c.de"}, a.OtherMails...)
	require.NotEqual(t, read(t, a, nil).Content, read(t, b, nil).Content, "in another list")
}
