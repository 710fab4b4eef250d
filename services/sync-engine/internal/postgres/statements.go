package postgres

import (
	"embed"
	"fmt"
)

// The statements of rounds and of orphaned links are written by hand: they work
// on temporary tables and on whole sets.
//
//go:embed round/*.sql orphans/*.sql
var statementFiles embed.FS

// statement reads an embedded statement; one that is missing is a broken build.
func statement(name string) string {
	text, err := statementFiles.ReadFile(name + ".sql")
	if err != nil {
		panic(fmt.Sprintf("statement %s: %v", name, err))
	}
	return string(text)
}

var (
	sqlCreate           = statement("round/create")
	sqlClear            = statement("round/clear")
	sqlBare             = statement("round/bare")
	sqlRestart          = statement("round/restart")
	sqlPrepare          = statement("round/prepare")
	sqlTally            = statement("round/tally")
	sqlTallyFiltered    = statement("round/tally_filtered")
	sqlFailures         = statement("round/failures")
	sqlHead             = statement("round/head")
	sqlDecideAddresses  = statement("round/decide_addresses")
	sqlDecideDuplicates = statement("round/decide_duplicates")
	sqlDecideMatches    = statement("round/decide_matches")
	sqlDecideElsewhere  = statement("round/decide_elsewhere")
	sqlDecideUnlinked   = statement("round/decide_unlinked")
	sqlDecideLinked     = statement("round/decide_linked")
	sqlGoneNext         = statement("round/gone_next")
	sqlDecideGone       = statement("round/decide_gone")
	sqlDecideGoneIndex  = statement("round/decide_gone_index")
	sqlDecideIndexes    = statement("round/decide_indexes")
	sqlRedecideClear    = statement("round/redecide_clear")
	sqlRedecideMatch    = statement("round/redecide_match")
	sqlRedecideGone     = statement("round/redecide_gone")
	sqlRedecideVisible  = statement("round/redecide_gone_visible")
	sqlPlanned          = statement("round/planned")
	sqlHoldDigest       = statement("round/hold_digest")
	sqlHoldClear        = statement("round/hold_clear")
	sqlHoldRecord       = statement("round/hold_record")
	sqlHoldKnown        = statement("round/hold_known")
	sqlHoldPlan         = statement("round/hold_plan")
	sqlNextRange        = statement("round/next_range")
	sqlLockHead         = statement("round/lock_head")
	sqlCreateContacts   = statement("round/apply_create_contacts")
	sqlLinkContacts     = statement("round/apply_link_contacts")
	sqlInsertLinks      = statement("round/apply_insert_links")
	sqlApplyContacts    = statement("round/apply_contacts")
	sqlInactivate       = statement("round/apply_inactivate")
	sqlApplyLinks       = statement("round/apply_links")
	sqlTakeLinks        = statement("round/apply_take_links")
	sqlRelease          = statement("round/apply_release")
	sqlReleased         = statement("round/apply_released")
	sqlMovedClients     = statement("round/moved_clients")
	sqlReleaseClients   = statement("round/release_clients")
	sqlFreeLinks        = statement("round/free_links")
	sqlFollowNext       = statement("orphans/follow_next")
	sqlFollowRange      = statement("orphans/follow_range")
	sqlOrphansNext      = statement("orphans/next")
	sqlOrphansClients   = statement("orphans/clients")
	sqlOrphansEnd       = statement("orphans/end")
	sqlChanges          = statement("round/apply_changes")
	sqlCount            = statement("round/count")
	sqlQueue            = statement("round/queue")
)
