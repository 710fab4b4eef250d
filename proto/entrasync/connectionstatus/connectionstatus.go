// Package connectionstatus names the statuses of a tenant's connection, as the contract spells them
// (connection.v1.GetConnectionResponse, and the status events from which the gateway writes the audit
// trail and tells hosts). The connection service stores them, so none changes its name.
package connectionstatus

// The statuses.
const (
	NotConnected     = "not_connected"     // there never was a connection
	Connected        = "connected"         // the last validation succeeded
	ValidationFailed = "validation_failed" // there is a connection, and its last validation failed
	Disconnected     = "disconnected"      // a person or the partner ended it
)

// Active reports a status in which there is a connection.
func Active(status string) bool { return status == Connected || status == ValidationFailed }
