package reconciliation

// Person is what a person is known by.
type Person struct {
	ContactIDs, ObjectIDs []string
	Texts                 []string // object ids, sign-in names and addresses, in lower case
}

// PersonRecord is one stored record about a person.
type PersonRecord struct {
	Table string
	JSON  []byte // an object
}
