package mapping

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/searchkey"
	"github.com/entrasync/entrasync/pkg/text"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Limits of a client's texts, in characters.
const (
	maxName       = 256
	maxExternalID = 256
	maxText       = 2048
	maxDomains    = 100
)

// maxBatchDomains bounds the domains of all records of a batch: each is a row that
// is written under the lock of the tenant's clients.
const maxBatchDomains = 20_000

// The outcomes of a record.
const (
	OutcomeCreated   = "created"
	OutcomeUpdated   = "updated"
	OutcomeUnchanged = "unchanged"
	OutcomeAdopted   = "adopted" // it had no external id and has the record's now
	OutcomeDeleted   = "deleted"
	OutcomeConflict  = "conflict" // it has another version than the record names
	OutcomeInvalid   = "invalid"
)

// RecordViolation is a field of a record that breaks a rule.
type RecordViolation struct {
	Field   string
	Message string
}

// RecordWarning is a field of a record that was taken as it is and is of no use.
type RecordWarning struct {
	Field   string
	Message string
}

// Record is a client as the host sends it.
type Record struct {
	Client

	IfVersion *int64 // that the client must have; nil for any
}

// RecordResult is the result for one record.
type RecordResult struct {
	ID         string // of the client; empty when the record is invalid or names none
	ExternalID string
	Outcome    string
	Version    int64 // of the client afterwards; 0 where there is none
	Violations []RecordViolation
	Warnings   []RecordWarning // of a record that was taken
}

// WriteClient is a client to be inserted or replaced.
type WriteClient struct {
	Client
	NameKey string
	Domains []string // normalised, for look-ups
}

// BatchStore writes clients.
type BatchStore interface {
	// WriteClients calls decide with the stored clients of the given ids and
	// external ids, inside a transaction that no other change of clients and
	// mappings of the tenant can overtake, and writes what it gives. Ids that
	// cannot be a client's are taken for unknown ones.
	WriteClients(ctx context.Context, ids, externalIDs []string, at time.Time, decide func([]Client) []WriteClient) error
}

// BatchUpsert is the use case of taking the host's client records.
type BatchUpsert struct {
	store BatchStore
	now   func() time.Time
	newID func() string
}

// NewBatchUpsert makes the use case; newID gives a new time-ordered UUID.
func NewBatchUpsert(store BatchStore, now func() time.Time, newID func() string) *BatchUpsert {
	return &BatchUpsert{store: store, now: now, newID: newID}
}

// Do writes records by their external id or id and returns the result for each, in
// their order. With both, a client that has no external id takes the record's. A
// record replaces all fields of the client; one that is deleted only marks it, and is
// refused while the client is mapped; one that is not deleted any more restores it. One
// that names a version is taken only while the client has it. A bad record does not fail
// the others, and of records for one client only the first counts. More than 20,000
// domains in all records are refused (errs.Invalid).
func (im *BatchUpsert) Do(ctx context.Context, records []Record) ([]RecordResult, error) {
	domains := 0
	for _, record := range records {
		domains += len(record.AlternativeDomains) + len(record.EmailDomains)
	}
	if domains > maxBatchDomains {
		return nil, errs.New(errs.Invalid, reason.InvalidArgument, "The call has too many domains.", errs.WithViolation("clients",
			fmt.Sprintf("have %d domains in all, and at most %d are allowed: send fewer clients in one call", domains, maxBatchDomains)))
	}
	results := make([]RecordResult, len(records))
	var ids, externalIDs []string
	byID, byExternalID := repeats{field: "id"}, repeats{field: "externalId"}
	for i := range records {
		records[i].Client = trimmed(records[i].Client)
		results[i] = RecordResult{ExternalID: records[i].ExternalID, Violations: check(records[i].Client)}
		if len(results[i].Violations) == 0 {
			results[i].Warnings = warn(records[i].Client)
		}
		byID.note(i, records[i].ID, &results[i])
		byExternalID.note(i, records[i].ExternalID, &results[i])
		if len(results[i].Violations) > 0 {
			results[i].Outcome, results[i].Warnings = OutcomeInvalid, nil
			continue
		}
		if records[i].ID != "" {
			ids = append(ids, records[i].ID)
		}
		if records[i].ExternalID != "" {
			externalIDs = append(externalIDs, records[i].ExternalID)
		}
	}
	if len(ids)+len(externalIDs) == 0 {
		return results, nil
	}
	err := im.store.WriteClients(ctx, ids, externalIDs, im.now(), func(stored []Client) []WriteClient {
		return im.decide(records, results, storedOf(stored))
	})
	return results, err
}

// decide fills in the results of valid records and gives what is to be written.
func (im *BatchUpsert) decide(records []Record, results []RecordResult, stored stored) []WriteClient {
	var writes []WriteClient
	for i, record := range records {
		if len(results[i].Violations) > 0 {
			continue
		}
		old, known, problem := stored.find(i, record.Client)
		if problem != nil {
			results[i].Outcome, results[i].Violations, results[i].Warnings = OutcomeInvalid, []RecordViolation{*problem}, nil
			continue
		}
		if stale := record.stale(old, known); stale != nil {
			results[i].ID, results[i].ExternalID, results[i].Version = old.ID, cmp.Or(old.ExternalID, record.ExternalID), old.Version
			results[i].Outcome, results[i].Violations, results[i].Warnings = OutcomeConflict, []RecordViolation{*stale}, nil
			continue
		}
		results[i].Version = old.Version
		if write := im.settle(record.Client, old, known, &results[i]); write != nil {
			results[i].Version++ // as the store raises it
			writes = append(writes, WriteClient{Client: *write, NameKey: searchkey.Of(write.Name), Domains: write.Domains()})
		}
	}
	return writes
}

// stale says that a client has another version than the record names, if it names one.
func (r Record) stale(old Client, known bool) *RecordViolation {
	switch {
	case r.IfVersion == nil, known && old.Version == *r.IfVersion:
		return nil
	case !known:
		return &RecordViolation{Field: "version", Message: "there is no such client yet"}
	}
	return &RecordViolation{Field: "version", Message: "the client has another version by now"}
}

// settle says what becomes of a record and gives what is to be written, if anything.
func (im *BatchUpsert) settle(record, old Client, known bool, result *RecordResult) *Client {
	result.ID = old.ID
	adopts := known && old.ExternalID == "" && record.ExternalID != ""
	if record.ExternalID == "" {
		record.ExternalID = old.ExternalID
		result.ExternalID = old.ExternalID
	}
	switch {
	case record.Deleted && (!known || old.Deleted && !adopts):
		result.Outcome = OutcomeUnchanged
		return nil
	case record.Deleted && len(old.Mappings) > 0:
		result.Outcome, result.Warnings = OutcomeInvalid, nil
		result.Violations = []RecordViolation{{Field: "deleted", Message: stillMapped(old)}}
		return nil
	case record.Deleted:
		result.Outcome = OutcomeDeleted
		old.Deleted, old.ExternalID = true, record.ExternalID
		return &old
	case !known:
		result.Outcome, result.ID = OutcomeCreated, im.newID()
	case adopts:
		result.Outcome = OutcomeAdopted
	case sameClient(old, record):
		result.Outcome = OutcomeUnchanged
		return nil
	default:
		result.Outcome = OutcomeUpdated
	}
	record.ID = result.ID
	return &record
}

// stillMapped says why a client cannot be marked as deleted, and what to do. It
// is not unmapped as a side effect: that is a person's decision, with consequences for its
// contacts.
func stillMapped(c Client) string {
	if n := len(c.Mappings); n > 1 {
		return fmt.Sprintf("the client is mapped to %d managed tenants: unmap them first", n)
	}
	return fmt.Sprintf("the client is mapped to the managed tenant %q: unmap it first", c.Mappings[0].DisplayName)
}

func sameClient(a, b Client) bool {
	return a.Name == b.Name && a.Website == b.Website && a.Domain == b.Domain && a.BillingEmail == b.BillingEmail &&
		a.Deleted == b.Deleted && slices.Equal(a.AlternativeDomains, b.AlternativeDomains) && slices.Equal(a.EmailDomains, b.EmailDomains)
}

func trimmed(c Client) Client {
	c.ID, c.ExternalID = strings.ToLower(strings.TrimSpace(c.ID)), strings.TrimSpace(c.ExternalID)
	if storable(c.ExternalID) { // else it is refused as it came
		c.ExternalID = text.Key(c.ExternalID)
	}
	if storable(c.Name) {
		c.Name = text.Normalise(c.Name)
	}
	c.Website, c.Domain, c.BillingEmail = strings.TrimSpace(c.Website), strings.TrimSpace(c.Domain), strings.TrimSpace(c.BillingEmail)
	c.AlternativeDomains, c.EmailDomains = trimmedAll(c.AlternativeDomains), trimmedAll(c.EmailDomains)
	return c
}

func trimmedAll(texts []string) []string {
	out := make([]string, 0, len(texts))
	for _, text := range texts {
		out = append(out, strings.TrimSpace(text))
	}
	return out
}

// check lists what is wrong with a record by itself, so that it cannot be taken.
func check(c Client) (violations []RecordViolation) {
	report := func(field, message string) {
		if message != "" {
			violations = append(violations, RecordViolation{Field: field, Message: message})
		}
	}
	if c.ID == "" || c.ExternalID != "" {
		report("externalId", checkText(c.ExternalID, maxExternalID))
	}
	if c.Deleted { // only the mark is written
		return violations
	}
	report("name", checkText(c.Name, maxName))
	for _, list := range c.domainLists() {
		if len(list.texts) > maxDomains {
			report(list.field, fmt.Sprintf("has more than %d domains", maxDomains))
		}
	}
	for _, field := range c.domainFields() {
		if len(violations) < maxDomains && field.text != "" {
			report(field.name, checkText(field.text, maxText))
		}
	}
	return violations
}

// warn lists the fields from which no single domain can be read. Their texts stay
// as they are, so that the same record again changes nothing, and match nothing.
func warn(c Client) (warnings []RecordWarning) {
	if c.Deleted {
		return nil
	}
	for _, field := range c.domainFields() {
		if message := field.warning(); message != "" {
			warnings = append(warnings, RecordWarning{Field: field.name, Message: message})
		}
	}
	return warnings
}

func checkText(text string, most int) string {
	switch n := utf8.RuneCountInString(text); {
	case !storable(text):
		return "has characters that cannot be stored"
	case n == 0:
		return "is missing"
	case n > most:
		return fmt.Sprintf("is longer than %d characters", most)
	}
	return ""
}

// storable reports a text that PostgreSQL can keep.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }
