package mapping

import "fmt"

// repeats finds records that name a client by what an earlier one has.
type repeats struct {
	field string
	first map[string]int
}

func (r *repeats) note(at int, key string, result *RecordResult) {
	if key == "" {
		return
	}
	if first, twice := r.first[key]; twice {
		result.Violations = append(result.Violations, RecordViolation{Field: r.field, Message: inBatchAlready(first)})
		return
	}
	if r.first == nil {
		r.first = map[string]int{}
	}
	r.first[key] = at
}

func inBatchAlready(first int) string { return fmt.Sprintf("is in clients[%d] already", first) }

// stored are the clients that a batch may touch.
type stored struct {
	byID, byExternalID map[string]Client
	taken              map[string]int // by id: the record that changes the client
}

func storedOf(clients []Client) stored {
	s := stored{byID: map[string]Client{}, byExternalID: map[string]Client{}, taken: map[string]int{}}
	for _, client := range clients {
		s.byID[client.ID] = client
		if client.ExternalID != "" {
			s.byExternalID[client.ExternalID] = client
		}
	}
	return s
}

// find gives the client that a record is about, if there is one, or what is wrong.
func (s stored) find(at int, record Client) (old Client, known bool, problem *RecordViolation) {
	field, whose := "externalId", "its client "
	old, known = s.byExternalID[record.ExternalID]
	if record.ID != "" {
		named, exists := s.byID[record.ID]
		switch {
		case !exists:
			return Client{}, false, &RecordViolation{Field: "id", Message: "is not a client"}
		case known && old.ID != named.ID:
			return Client{}, false, &RecordViolation{Field: "externalId", Message: "belongs to another client"}
		case record.ExternalID != "" && named.ExternalID != "" && named.ExternalID != record.ExternalID:
			return Client{}, false, &RecordViolation{Field: "externalId", Message: "the client has another external id"}
		}
		field, whose, old, known = "id", "", named, true
	}
	if !known {
		return Client{}, false, nil
	}
	if first, twice := s.taken[old.ID]; twice {
		return Client{}, false, &RecordViolation{Field: field, Message: whose + inBatchAlready(first)}
	}
	s.taken[old.ID] = at
	return old, true, nil
}
