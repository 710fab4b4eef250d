// Package reason lists the stable reasons of failures: what an answer's code says
// to programs, what it means to people and what they can do. It is part of the
// contract: no reason is made elsewhere, and none changes its name or its kind.
package reason

// Kind is the sort of failure, as pkg/errs names it.
type Kind string

// The kinds.
const (
	KindInternal        Kind = "internal"
	KindInvalid         Kind = "invalid"
	KindUnauthenticated Kind = "unauthenticated"
	KindDenied          Kind = "denied"
	KindNotFound        Kind = "not_found"
	KindConflict        Kind = "conflict"
	KindPrecondition    Kind = "precondition"
	KindExhausted       Kind = "exhausted"
	KindUnavailable     Kind = "unavailable"
	KindDeadline        Kind = "deadline"
	KindCancelled       Kind = "cancelled"
	KindUnimplemented   Kind = "unimplemented"
)

// StatusClientClosed is what proxies write when nobody waits for the answer.
const StatusClientClosed = 499

// statuses are the HTTP statuses of the kinds. They are spelled out: domains import
// this package, and none links a network.
var statuses = map[Kind]int{
	KindInternal:        500,
	KindInvalid:         400,
	KindUnauthenticated: 401,
	KindDenied:          403,
	KindNotFound:        404,
	KindConflict:        409,
	KindPrecondition:    409,
	KindExhausted:       429,
	KindUnavailable:     503,
	KindDeadline:        504,
	KindCancelled:       StatusClientClosed,
	KindUnimplemented:   501,
}

// Class says whose move it is after a failure at or before a directory. It stands
// in an error's metadata under ClassKey.
type Class string

// ClassKey is the key of the class in an error's metadata.
const ClassKey = "class"

// The classes.
const (
	ClassRetry     Class = "retry"     // it may work later
	ClassReconnect Class = "reconnect" // the partner has to connect again or mend its own directory
	ClassCustomer  Class = "customer"  // one managed tenant, and no other
	ClassBug       Class = "bug"       // our request or our app registration is wrong
)

// Reason is one reason of failures.
type Reason struct {
	Name   string
	Kinds  []Kind // mostly one; the first is the usual one
	Class  Class  // the usual one; empty for failures that no directory is asked in
	Status int    // the HTTP status where it is not that of the kind; else 0
	Text   string // for people, where the failure has no better one
	Do     string // what people can do
	Inside bool   // stands in logs alone
}

// Statuses are the HTTP statuses that a failure of this reason is answered with.
func (r Reason) Statuses() []int {
	if r.Status != 0 {
		return []int{r.Status}
	}
	var out []int
	for _, kind := range r.Kinds {
		if status := statuses[kind]; len(out) == 0 || out[len(out)-1] != status {
			out = append(out, status)
		}
	}
	return out
}

// Group is reasons that belong together.
type Group struct {
	Title   string
	About   string
	Reasons []Reason
}

// All gives every reason, in groups.
func All() []Group { return groups }

var byName = func() map[string]Reason {
	all := map[string]Reason{}
	for _, group := range groups {
		for _, r := range group.Reasons {
			all[r.Name] = r
		}
	}
	return all
}()

// Text is what a reason says to people; empty for a name that is none.
func Text(name string) string { return byName[name].Text }

// Of gives the reason of a name, if there is one.
func Of(name string) (Reason, bool) {
	r, ok := byName[name]
	return r, ok
}
