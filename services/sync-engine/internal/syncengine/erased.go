package syncengine

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
)

// ErasedMarks are the people who were erased on request, without their names: keyed
// digests of object ids and of addresses. Nil is nobody.
type ErasedMarks struct {
	key   []byte
	marks map[[sha256.Size]byte]bool
}

// NewErasedMarks knows marks that were made with the key; nil without any.
func NewErasedMarks(key []byte, marks [][]byte) *ErasedMarks {
	if len(marks) == 0 {
		return nil
	}
	m := &ErasedMarks{key: key, marks: make(map[[sha256.Size]byte]bool, len(marks))}
	for _, mark := range marks {
		m.marks[[sha256.Size]byte(mark)] = true
	}
	return m
}

// HasIdentity reports that the identity with that object id was erased.
func (m *ErasedMarks) HasIdentity(objectID string) bool {
	return m != nil && m.marks[markOf(m.key, "identity", strings.ToLower(strings.TrimSpace(objectID)))]
}

// hasAddress reports that a person with one of these normalised addresses was erased.
func (m *ErasedMarks) hasAddress(addresses []string) bool {
	if m == nil {
		return false
	}
	for _, address := range addresses {
		if m.marks[markOf(m.key, "address", address)] {
			return true
		}
	}
	return false
}

// marksOf are the marks of a person.
func marksOf(key []byte, p *Person) [][]byte {
	var marks [][]byte
	add := func(kind, text string) {
		mark := markOf(key, kind, text)
		marks = append(marks, mark[:])
	}
	for i := range p.Identities {
		add("identity", strings.ToLower(p.Identities[i].ObjectID))
	}
	for _, address := range p.Addresses {
		add("address", address)
	}
	return marks
}

// markOf is separated from what else is signed with the tenant's key by its first line.
func markOf(key []byte, kind, text string) (mark [sha256.Size]byte) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("entrasync erased person\n" + kind + "\n" + text))
	mac.Sum(mark[:0])
	return mark
}
