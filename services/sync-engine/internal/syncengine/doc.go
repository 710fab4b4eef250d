// Package syncengine holds the rules by which Entra directories become contacts:
// how a user is read, filtered and failed, what a round does, what a run is, and
// how the host's own contacts come in. It knows no database and no network.
//
// Its files by subject; begin with sync_tenant.go, which reads as a round goes:
//
//   - a round: sync_tenant.go (the use case), round.go (what it is done with),
//     stage_users.go, delta.go, unchanged.go, guard.go, guard_round.go, push_queue.go,
//     counters.go, check_mapping.go, gate_field_rules.go, action.go
//   - a user, from upstream's record to an identity: user.go, properties.go, identity.go,
//     user_address.go, address.go, text.go, failure.go, filter.go, pattern.go,
//     service_account.go, group_scope.go, members.go, erased.go, share_word.go
//   - runs: run.go, create_run.go, begin_run.go, list_open_tenants.go,
//     record_tenant_result.go, finalise_run.go, cancel_runs.go, list_runs.go, show_run.go,
//     list_open_runs.go, list_ended_runs.go, read_sync_status.go, tenant_results.go,
//     list_identities.go, watch_run.go, statistics.go, schedule.go,
//     list_scheduled_tenants.go, list_quarantined_tenants.go, ticket.go, issue_ticket.go
//   - settings: settings.go (as a round reads them), stated_settings.go (as somebody states
//     them), check_settings.go, read_settings.go, list_settings_changes.go, change_settings.go,
//     test_filters.go
//   - contacts: contact.go, provenance.go, batch.go, batch_record.go, batch_decide.go,
//     changes.go, append_feed.go
//   - what a person decided: decide_held.go, revise_mapping.go, decide_orphans.go,
//     resolve_identity.go, undo_resolution.go
//   - what is shown and erased of one person: explain.go, explain_person.go,
//     explain_filters.go, explain_decision.go, person.go, erase_person.go, list_erasures.go,
//     lift_erasure.go
package syncengine
