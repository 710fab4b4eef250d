// Package connection is the connection of a tenant (an MSP) to its partner
// directory: how it is made, proven, kept alive and ended, and how directories
// are read through it.
//
// Its files by subject; begin with connection.go and ports.go, then tokens.go:
//
//   - what it is made of: connection.go, ports.go, kind.go, credentials.go, certificate.go,
//     authority.go, origin.go, secret.go, keys.go, failure.go
//   - to connect and to end it: connect.go, find_flow.go, finish_flow.go, complete.go,
//     activation.go, disconnect.go, validate.go, show.go, effect.go, random.go
//   - the app registration: resolver.go (where it comes from), tenant_credentials.go,
//     set_credentials.go, delete_credentials.go
//   - consent in a directory: consent.go, repair_consent.go
//   - tokens: tokens.go (the partner's), customers.go (for a directory), verify_grant.go,
//     singleflight.go, keyed_mutex.go
//   - reading directories: directory.go, managed_tenants.go, list_managed_tenants.go,
//     read_details.go, list_users.go, find_users.go, count_users.go, list_group_members.go
//   - its state for other parts: events.go, pull_events.go, ack_events.go,
//     list_connected_tenants.go
//   - what recurs: sweep.go, sweep_secrets.go, reseal.go, tenant.go
//
// A number such as F046 in a comment is that of a row of docs/features.md.
package connection
