// Package syncengine holds the rules by which Entra directories become contacts:
// how a user is read, filtered and failed, what a round does, what a run is, and
// how the host's own contacts come in. It knows no database and no network.
package syncengine
