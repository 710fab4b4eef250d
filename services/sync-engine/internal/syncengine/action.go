package syncengine

// Action is what becomes of an identity in a round. One that the plan does not name is
// unchanged.
type Action string

// The actions; create.sql of internal/postgres/round says the same to the database.
const (
	ActionCreate     Action = "create"     // no contact has one of its addresses: a contact is made, with a link
	ActionLink       Action = "link"       // one contact that is nobody's has its address: the contact gets the link
	ActionUpdate     Action = "update"     // linked and active: fields that the rules let overwrite differ
	ActionReactivate Action = "reactivate" // back, or enabled again: sync made the contact inactive, and makes it active
	ActionResume     Action = "resume"     // back, or enabled again: the link is active; whether the contact is, somebody else has decided
	ActionTouch      Action = "touch"      // linked: only metadata differ, the sign-in name or whether the account is enabled
	ActionSeen       Action = "seen"       // linked and unchanged: a listing lacked it before, and this one has it
	ActionMissing    Action = "missing"    // linked, and a complete listing lacks it for the first time: at most the reason changes
	ActionAbsent     Action = "absent"     // the same of an orphaned link: nothing of the contact changes
	ActionInactivate Action = "inactivate" // linked and disabled upstream, or lacking in a complete listing: the contact becomes inactive
	ActionQueue      Action = "queue"      // not linked, and a person must decide
)

// Why sync makes a contact inactive.
const (
	InactiveDisabled = "disabled_upstream"
	InactiveDeleted  = "deleted_upstream"
)
