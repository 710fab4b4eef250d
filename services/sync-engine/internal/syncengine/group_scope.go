package syncengine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// ListGroupMembers asks for the users in a group, also through groups within it.
type ListGroupMembers struct {
	EntraTenantID string
	GroupID       string
	Priority      string // low, normal or high
}

// Members are the identities of the groups that a directory is synced by. Each takes
// 16 bytes, so that those of a large directory fit.
type Members struct {
	keys [][16]byte // in order, each once
}

// NewMembers makes a set of object ids.
func NewMembers(ids []string) *Members {
	m := &Members{}
	m.add(ids)
	m.settle()
	return m
}

func (m *Members) add(ids []string) {
	for _, id := range ids {
		m.keys = append(m.keys, memberKey(id))
	}
}

func (m *Members) settle() {
	slices.SortFunc(m.keys, compareKeys)
	m.keys = slices.CompactFunc(m.keys, func(a, b [16]byte) bool { return a == b })
}

// Has reports whether an identity is a member.
func (m *Members) Has(id string) bool {
	_, found := slices.BinarySearchFunc(m.keys, memberKey(id), compareKeys)
	return found
}

// MarshalText is a digest, the same for the same members: who enters or leaves a
// group changes the fingerprint of the settings, as a change of the groups does.
func (m *Members) MarshalText() ([]byte, error) {
	digest := sha256.New()
	for _, key := range m.keys {
		_, _ = digest.Write(key[:]) // a hash never fails
	}
	return []byte(hex.EncodeToString(digest.Sum(nil))), nil
}

func compareKeys(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }

// memberKey stands for an object id, whatever its form.
func memberKey(id string) (key [16]byte) {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(id))))
	copy(key[:], sum[:])
	return key
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
	directory               GroupSource
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
		err := g.directory.ListGroupMembers(ctx, asked, func(ids []string) error {
			members.add(ids)
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
