package postgres

import (
	"embed"
	"fmt"
)

// The round's statements are written by hand: they work on temporary tables and
// on whole sets.
//
//go:embed round/*.sql
var roundFiles embed.FS

// statement reads an embedded statement; one that is missing is a broken build.
func statement(name string) string {
	text, err := roundFiles.ReadFile("round/" + name + ".sql")
	if err != nil {
		panic(fmt.Sprintf("statement %s: %v", name, err))
	}
	return string(text)
}

var (
	sqlCreate           = statement("create")
	sqlRestart          = statement("restart")
	sqlPrepare          = statement("prepare")
	sqlTally            = statement("tally")
	sqlTallyFiltered    = statement("tally_filtered")
	sqlFailures         = statement("failures")
	sqlHead             = statement("head")
	sqlDecideAddresses  = statement("decide_addresses")
	sqlDecideDuplicates = statement("decide_duplicates")
	sqlDecideUnlinked   = statement("decide_unlinked")
	sqlDecideLinked     = statement("decide_linked")
	sqlDecideGone       = statement("decide_gone")
	sqlDecideGoneIndex  = statement("decide_gone_index")
	sqlDecideIndexes    = statement("decide_indexes")
	sqlRedecideClear    = statement("redecide_clear")
	sqlRedecideGone     = statement("redecide_gone")
	sqlRedecideVisible  = statement("redecide_gone_visible")
	sqlPlanned          = statement("planned")
	sqlHoldDigest       = statement("hold_digest")
	sqlHoldClear        = statement("hold_clear")
	sqlHoldRecord       = statement("hold_record")
	sqlHoldPlan         = statement("hold_plan")
	sqlNextRange        = statement("next_range")
	sqlLockHead         = statement("lock_head")
	sqlCreateContacts   = statement("apply_create_contacts")
	sqlLinkContacts     = statement("apply_link_contacts")
	sqlInsertLinks      = statement("apply_insert_links")
	sqlApplyContacts    = statement("apply_contacts")
	sqlInactivate       = statement("apply_inactivate")
	sqlApplyLinks       = statement("apply_links")
	sqlOrphans          = statement("apply_orphans")
	sqlChanges          = statement("apply_changes")
	sqlCount            = statement("count")
	sqlQueue            = statement("queue")
)
