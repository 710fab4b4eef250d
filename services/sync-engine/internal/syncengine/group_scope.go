package syncengine

import "context"

// ListGroupMembers asks for the users in a group, also through groups within it.
type ListGroupMembers struct {
	EntraTenantID string
	GroupID       string
	Priority      string // low, normal or high
}

// GroupSource reads the groups of a directory.
type GroupSource interface {
	// ListGroupMembers calls page with the ids of a group's users, also of those in
	// groups within it; without an error they are all. errs.Precondition, reason
	// group_unreadable.
	ListGroupMembers(ctx context.Context, req ListGroupMembers, page func(ids []string) error) error
}

// groupsOf asks a directory for the members of groups; step is called as they come,
// and its error ends it.
type groupsOf struct {
	source                  GroupSource
	entraTenantID, priority string
	step                    func() error
}

// scoped are settings with the members of their groups, as they are now; nil where
// no group is named. A group that cannot be read is an error: it never means that
// nobody is in it.
func (g groupsOf) scoped(ctx context.Context, settings Settings) (Settings, error) {
	if len(settings.Groups) == 0 {
		return settings, nil
	}
	members := &Members{}
	for _, group := range settings.Groups {
		asked := ListGroupMembers{EntraTenantID: g.entraTenantID, GroupID: group, Priority: g.priority}
		err := g.source.ListGroupMembers(ctx, asked, func(ids []string) error {
			members.add(ids, settings.Erased)
			return g.step()
		})
		if err != nil {
			return settings, err
		}
	}
	members.settle()
	settings.Members = members
	return settings, nil
}

// priorityOf is how urgently a run reads directories: high where somebody waits.
func priorityOf(run Run) string {
	if run.Trigger == TriggerSchedule {
		return "low"
	}
	return "high"
}
