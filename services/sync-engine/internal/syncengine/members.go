package syncengine

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// Members are the identities of the groups that a directory is synced by. An id that is
// a UUID, as Microsoft's are, takes 16 bytes, so that those of a large directory fit.
type Members struct {
	ids    [][16]byte // in order, each once
	others []string   // that are no UUIDs, likewise
}

// NewMembers makes a set of object ids.
func NewMembers(ids []string) *Members {
	m := &Members{}
	m.add(ids, nil)
	m.settle()
	return m
}

// add takes ids but for those that were erased on request, which are kept nowhere.
func (m *Members) add(ids []string, erased *ErasedMarks) {
	for _, id := range ids {
		if erased.HasIdentity(id) {
			continue
		}
		if key, ok := uuidOf(id); ok {
			m.ids = append(m.ids, key)
		} else {
			m.others = append(m.others, memberName(id))
		}
	}
}

func (m *Members) settle() {
	slices.SortFunc(m.ids, compareIDs)
	m.ids = slices.Compact(m.ids)
	m.others = asSet(m.others)
}

// Has reports whether an identity is a member.
func (m *Members) Has(id string) bool {
	if key, ok := uuidOf(id); ok {
		return m.has(key)
	}
	_, found := slices.BinarySearch(m.others, memberName(id))
	return found
}

func (m *Members) has(id [16]byte) bool {
	_, found := slices.BinarySearchFunc(m.ids, id, compareIDs)
	return found
}

// Changed are those who entered or left since, in no order that counts; false where there
// are more than so many.
func (m *Members) Changed(since *Members, most int) (ids []string, few bool) {
	for _, sides := range [][2]*Members{{m, since}, {since, m}} {
		for _, id := range sides[0].ids {
			if !sides[1].has(id) {
				ids = append(ids, uuidText(id))
			}
			if len(ids) > most {
				return nil, false
			}
		}
		for _, id := range sides[0].others {
			if _, found := slices.BinarySearch(sides[1].others, id); !found {
				ids = append(ids, id)
			}
		}
	}
	return ids, len(ids) <= most
}

// Bytes are the members as they are kept between rounds; the same for the same members.
func (m *Members) Bytes() []byte {
	out := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64+16*len(m.ids)), uint64(len(m.ids)))
	for _, id := range m.ids {
		out = append(out, id[:]...)
	}
	return append(out, strings.Join(m.others, "\n")...)
}

var errMembers = errors.New("kept members cannot be read")

// ReadMembers reads what Bytes gave.
func ReadMembers(kept []byte) (*Members, error) {
	count, size := binary.Uvarint(kept)
	if size <= 0 || count > uint64(len(kept)-size)/16 {
		return nil, errMembers
	}
	kept = kept[size:]
	m := &Members{ids: make([][16]byte, count)}
	for i := range m.ids {
		m.ids[i], kept = [16]byte(kept), kept[16:]
	}
	if len(kept) > 0 {
		m.others = strings.Split(string(kept), "\n")
	}
	return m, nil
}

func compareIDs(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }

// memberName stands for an object id that is no UUID, whatever its form.
func memberName(id string) string { return strings.ToLower(strings.TrimSpace(id)) }

// uuidOf reads an object id that is a UUID.
func uuidOf(id string) (key [16]byte, ok bool) {
	id = strings.TrimSpace(id)
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return key, false
	}
	n, err := hex.Decode(key[:], []byte(id[:8]+id[9:13]+id[14:18]+id[19:23]+id[24:]))
	return key, err == nil && n == len(key)
}

// uuidText is an object id as Microsoft writes it.
func uuidText(key [16]byte) string {
	text := hex.EncodeToString(key[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
