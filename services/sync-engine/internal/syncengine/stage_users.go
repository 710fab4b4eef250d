package syncengine

import (
	"context"
	"slices"
	"strings"
)

// staging reads a listing into the round, in batches.
type staging struct {
	*work
	ctx    context.Context // of one listing, which calls back
	reader *Reader
	batch  []Identity
	// Of a delta round: what came, in order, and the ids of users of whom it was
	// too little.
	changes []change
	partial []string
	// Of a delta round: users to be read and decided again although the list of changes
	// need not name them; see unnamed.
	unnamed []string
	touched bool // something came, or began anew
}

// change is one user that changed, or one that left.
type change struct {
	User
	left bool
}

// readMost is how many users are read by their ids, twenty at a time, because something
// else than they changed; where there are more, everybody is listed.
const readMost = 2000

// stage lists the directory, or what changed in it, and stages that.
func (w *work) stage(ctx context.Context) (Listing, error) {
	reader, err := NewReader(w.rules.Settings)
	if err != nil {
		return Listing{}, err
	}
	last, err := w.round.LastRound(ctx)
	if err != nil {
		return Listing{}, err
	}
	w.last = last
	if err := w.enter(PhaseStaging); err != nil {
		return Listing{}, err
	}
	s := &staging{work: w, ctx: ctx, reader: reader, batch: make([]Identity, 0, RangeSize)}
	link := last.since(w.managed, w.rules)
	if link != "" {
		var few bool
		if s.unnamed, few, err = w.unnamed(ctx); err != nil {
			return Listing{}, err
		}
		if !few {
			link, s.unnamed = "", nil
		}
	}
	s.partial = s.unnamed
	if w.delta = link != ""; w.delta {
		if err := w.round.Restart(ctx, true); err != nil {
			return Listing{}, err
		}
	}
	listing, err := w.users.ListUsers(ctx, ListUsers{EntraTenantID: w.managed.EntraTenantID, Priority: priorityOf(w.run), DeltaLink: link}, s)
	if err == nil {
		err = s.flush()
	}
	if err == nil && w.delta {
		err = s.complete()
	}
	w.silent = w.delta && !s.touched
	return listing, err
}

// unnamed are the ids of users who are to be decided again in a delta round although they
// have not changed at Microsoft, so that its list of changes need not name them:
//   - those whose contact the host wrote since the last round,
//   - those whom the last round linked, where a rule lets fields be overwritten: linking
//     takes no field over, the next round does,
//   - those who entered or left the groups by which people are chosen.
//
// few is false where they are more than readMost, or where it is not known who was in the groups.
func (w *work) unnamed(ctx context.Context) (ids []string, few bool, err error) {
	if members := w.rules.Settings.Members; members != nil {
		before, err := w.round.LastMembers(ctx)
		if err != nil || before == nil {
			return nil, false, err
		}
		if ids, few = members.Changed(before, readMost); !few {
			return nil, false, nil
		}
	}
	if w.last.HostMoved {
		// A link takes no field over: where a rule lets fields be overwritten, the next round does.
		written, err := w.round.HostChanged(ctx, w.rules.Settings.Overwrites(), readMost+1)
		if err != nil {
			return nil, false, err
		}
		ids = append(ids, written...)
		slices.Sort(ids)
		ids = slices.Compact(ids)
	}
	return ids, len(ids) <= readMost, nil
}

// Page implements Receiver.
func (s *staging) Page(users []User, removed []string) error {
	s.touched = s.touched || len(users)+len(removed) > 0
	for i := range users {
		if s.delta {
			s.changes = append(s.changes, change{User: users[i]})
		} else {
			s.add(s.read(&users[i]))
		}
		if err := s.flushFull(); err != nil {
			return err
		}
	}
	for _, id := range removed {
		s.changes = append(s.changes, change{User: User{ObjectID: id}, left: true})
		if err := s.flushFull(); err != nil {
			return err
		}
	}
	return nil
}

// Restarted implements Receiver.
func (s *staging) Restarted(full bool) error {
	s.batch, s.changes, s.partial, s.at.Staged = s.batch[:0], s.changes[:0], s.unnamed, 0
	s.touched = true
	s.delta = s.delta && !full
	return s.round.Restart(s.ctx, s.delta)
}

// read makes an identity of a user. Of one that a filter hits it keeps the properties: a
// later list of changes may have only some of them.
func (s *staging) read(u *User) Identity {
	id := s.reader.Read(u)
	if id.Verdict != "" && id.Verdict != FilterErased {
		kept := *u
		id.User = &kept
	}
	return id
}

// add takes an identity into the batch. One that was erased on request is left out, so that
// nothing counts or stores it.
func (s *staging) add(id Identity) {
	if !id.Erased {
		s.batch = append(s.batch, id)
	}
}

func (s *staging) flushFull() error {
	if len(s.batch)+len(s.changes) < RangeSize {
		return nil
	}
	return s.flush()
}

func (s *staging) flush() error {
	if len(s.changes) > 0 {
		if err := s.readChanges(); err != nil {
			return err
		}
	}
	if len(s.batch) == 0 {
		return nil
	}
	if err := s.round.Stage(s.ctx, s.batch); err != nil {
		return err
	}
	s.at.Staged += len(s.batch)
	s.batch = s.batch[:0]
	return s.progress(s.at)
}

// readChanges makes identities of the changes. What a change does not name is as it
// was: as an earlier change of this round said, or as it was kept. A user of whom
// nothing was kept comes with all it ever had; one that came with less is read again.
func (s *staging) readChanges() error {
	ids := make([]string, len(s.changes))
	for i := range s.changes {
		ids[i] = strings.TrimSpace(s.changes[i].ObjectID)
	}
	known, err := s.round.Known(s.ctx, ids)
	if err != nil {
		return err
	}
	for i := range s.changes {
		c, id := &s.changes[i], ids[i]
		if c.left {
			if id != "" {
				s.batch = append(s.batch, Identity{ObjectID: id, Removed: true})
				delete(known, id)
			}
			continue
		}
		whole := c.User
		before, found := known[id]
		switch {
		case before.User != nil:
			whole = whole.completed(before.User)
		case found && whole.Absent != 0, whole.Absent.Has(ofEveryAccount):
			s.partial = append(s.partial, id)
		}
		identity := s.reader.Read(&whole)
		if identity.Failure == "" && identity.Verdict != FilterErased {
			identity.User = &whole
		}
		known[id] = Known{User: identity.User}
		s.add(identity)
	}
	s.changes = s.changes[:0]
	return nil
}

// complete reads those users of whom too little is known. They are as they are now;
// what changed since the list of changes comes with the next one again.
func (s *staging) complete() error {
	ask := GetUsers{EntraTenantID: s.managed.EntraTenantID, Priority: priorityOf(s.run), ObjectIDs: s.partial}
	if len(ask.ObjectIDs) == 0 {
		return nil
	}
	s.touched = true
	err := s.users.GetUsers(s.ctx, ask, func(users []User, missing []string) error {
		for i := range users {
			users[i].Absent = 0
			s.changes = append(s.changes, change{User: users[i]})
		}
		for _, id := range missing {
			s.changes = append(s.changes, change{User: User{ObjectID: id}, left: true})
		}
		return s.flushFull()
	})
	if err != nil {
		return err
	}
	return s.flush()
}
