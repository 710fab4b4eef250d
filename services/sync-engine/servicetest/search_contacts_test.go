package servicetest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// named gives the service contacts of these names, each with an address, where there is one.
func (b *bundle) named(ctx context.Context, t *testing.T, emails map[string]string) {
	t.Helper()
	var records []*syncenginev1.ContactRecord
	for name, email := range emails {
		record := &syncenginev1.ContactRecord{ExternalId: ptr(name), ClientExternalId: ptr("ext"), FullName: name}
		if email != "" {
			record.Email = &email
		}
		records = append(records, record)
	}
	batch, err := b.contacts.BatchUpsertContacts(ctx, &syncenginev1.BatchUpsertContactsRequest{Contacts: records})
	require.NoError(t, err)
	for _, result := range batch.GetResults() {
		require.Equal(t, "created", result.GetOutcome(), result.GetViolations())
	}
}

// listed are the names of a list's contacts, in its order, read in pages of two.
func (b *bundle) listed(ctx context.Context, t *testing.T, q, client string) (names []string) {
	t.Helper()
	req := &syncenginev1.ListContactsRequest{Q: q, ClientId: client, PageSize: 2}
	for total := int32(-1); ; {
		list, err := b.contacts.ListContacts(ctx, req)
		require.NoError(t, err)
		if total < 0 {
			total = list.GetTotalSize()
		}
		for _, c := range list.GetContacts() {
			names = append(names, c.GetFullName())
		}
		if req.PageToken = list.GetNextPageToken(); req.PageToken == "" {
			require.Len(t, names, int(total), q)
			return names
		}
	}
}

// TestContactsAreFoundByThePlainAndTheAccentedSpelling, in capitals as in small letters.
func TestContactsAreFoundByThePlainAndTheAccentedSpelling(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	b.named(ctx, t, map[string]string{
		"Jürgen Müller": "", "José Núñez": "", "Αθήνα Παππά": "", "Nguyễn Văn Đức": "", "Сергей Йогов": "", "ﬁona ＡＢＣ": "", "김철수": "", "سارة أحمد": "", "Zoë 👍": "", "Łukasz Weiß": "",
	})
	for name, spellings := range map[string][]string{
		"Jürgen Müller":  {"müller", "muller", "MULLER", "MÜLLER", "mu\u0308ll", "jurgen m", "Jürgen Mu"},
		"José Núñez":     {"jose", "JOSÉ", "nunez", "núñez", "nuñe"},
		"Αθήνα Παππά":    {"ΑΘΗΝΑ", "αθηνα", "Αθήνα", "παππα", "ΠΑΠΠΆ"},
		"Nguyễn Văn Đức": {"nguyen", "Nguyễn", "van", "văn đuc", "duc"},
		"Сергей Йогов":   {"сергей", "ЙОГОВ", "йог"},
		"ﬁona ＡＢＣ":       {"fiona", "abc", "ＡＢＣ"},
		"김철수":            {"김철수", "김"},
		"سارة أحمد":      {"سارة", "أحمد"},
		"Zoë 👍":          {"zoe", "Zoë 👍", "zoë"},
		"Łukasz Weiß":    {"lukasz", "łuk", "ŁUKASZ", "weiss", "weiß", "WEIẞ"},
	} {
		for _, q := range spellings {
			require.Equal(t, []string{name}, b.listed(ctx, t, q, ""), q)
			require.Equal(t, []string{name}, b.listed(ctx, t, q, clientID), "among those of a client: %s", q)
		}
	}
	require.Empty(t, b.listed(ctx, t, "uller", ""), "the middle of a word")
	require.Empty(t, b.listed(ctx, t, "иогов", ""), "the marks of other scripts make other letters")
}

// TestWordsOfANamePartAtWhatIsNoLetter, and addresses are found by their beginning as they are written.
func TestWordsOfANamePartAtWhatIsNoLetter(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	b.named(ctx, t, map[string]string{
		"Ann Smith-Jones": "ann.smith-jones@corp.example", "Pat O'Brien": "pat@corp.example", "Meier, Anna": "ameier@corp.example", "Sales (Nord)/Süd": "x-1@corp.example",
	})
	for name, spellings := range map[string][]string{
		"Ann Smith-Jones":  {"jones", "smith-j", "smith jones", "ann smith", "ann.smith-jones@", "ann.smith-jones@corp.example"},
		"Pat O'Brien":      {"brien", "o'brien", "O’Brien", "o brien", "pat@corp"},
		"Meier, Anna":      {"meier", "meier, a", "meier a", "anna", "ameier@"},
		"Sales (Nord)/Süd": {"nord", "(nord", "sud", "süd", "nord/s", "x-1@"},
	} {
		for _, q := range spellings {
			require.Equal(t, []string{name}, b.listed(ctx, t, q, ""), q)
			require.Equal(t, []string{name}, b.listed(ctx, t, q, clientID), "among those of a client: %s", q)
		}
	}
	require.Empty(t, b.listed(ctx, t, "%", ""))
	require.Empty(t, b.listed(ctx, t, "-", ""), "what has no word is no beginning of every name")
	require.Empty(t, b.listed(ctx, t, "-", clientID))
	require.Empty(t, b.listed(ctx, t, "corp", ""), "the middle of an address")
}

// TestAListIsInOrderOfItsWords: an accent moves nobody behind Z, and a hyphen is no letter before A.
func TestAListIsInOrderOfItsWords(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	names := []string{"Émile Alb", "emile-anton", "Emile Aßb", "O'Brien", "Obama", "Özil", "Zoe"}
	emails := map[string]string{}
	for _, name := range names {
		emails[name] = ""
	}
	b.named(ctx, t, emails)
	require.Equal(t, []string{"Émile Alb", "emile-anton", "Emile Aßb", "O'Brien", "Obama", "Özil", "Zoe"}, b.listed(ctx, t, "", ""))
	require.Equal(t, names[:3], b.listed(ctx, t, "émile", ""))
	ofClient := b.listed(ctx, t, "", clientID)
	slices.Sort(ofClient)
	slices.Sort(names)
	require.Equal(t, names, ofClient)
}

// TestAPersonIsExplainedByEitherSpelling: whom no contact stands for is found by the same key.
func TestAPersonIsExplainedByEitherSpelling(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	kept, linked := user("kept", "kept@corp.example"), user("linked", "linked@corp.example")
	kept.DisplayName, kept.AccountEnabled, linked.DisplayName = ptr("Jörg O'Neill"), ptr(false), ptr("Renée Smith-Jones")
	b.connection.events = []*connectionv1.ListUsersResponse{page(kept, linked), completed}
	run, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "all-tenants", Trigger: "manual"})
	require.NoError(t, err)
	_, err = b.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
	require.NoError(t, err)
	_, err = b.sync(ctx, run)
	require.NoError(t, err)
	for q, id := range map[string]string{"jorg o'n": "kept", "JÖRG O NEILL": "kept", "renee": "linked", "renée smith jones": "linked"} {
		so, err := b.explain.Explain(ctx, &syncenginev1.ExplainRequest{Query: q})
		require.NoError(t, err, q)
		require.Equal(t, id, so.GetIdentity().GetEntraObjectId(), q)
	}
}
