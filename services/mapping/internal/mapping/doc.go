// Package mapping knows the clients of an MSP and which managed tenant belongs
// to which of them.
//
// Its files by subject; begin with confirm.go and plan.go, which decide:
//
//   - decisions about managed tenants: decision.go, confirm.go, plan.go, change.go, skip.go,
//     remap.go, unmap.go, orphans.go, effect.go, summarise.go
//   - which client may be that of a managed tenant: preview.go, match.go, index.go,
//     exact_domain.go, secondary_domain.go, fuzzy_name.go, stale_domain.go, name.go,
//     legal_forms.go, script.go, domain.go, mailbox.go
//   - clients: client.go, batch.go, batch_find.go, domain_field.go, create.go,
//     read_client.go, list_clients.go, resolve_clients.go
//   - lists of mappings: list_store.go, list_mappings.go, list_mapped.go, find_mapped.go
//   - CSV: csv.go, export.go, import.go
package mapping
