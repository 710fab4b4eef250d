package console

import (
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/proto/entrasync/pausereason"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/proto/entrasync/runstate"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
)

// attention lists what a person should look at, the gravest first.
func attention(a *answers, status *gatewayv1.GetStatusResponse) []*gatewayv1.Attention {
	var list entries
	list.addConnection(a, status)
	list.addSyncs(status)
	list.addManagedTenants(a)
	list.addWebhooks(a)
	if n := a.queue.GetOpen(); n > 0 {
		list.add("queue_open", "Identities wait for a decision.", "Look at the review queue.").Count = &n
	}
	list.addMissing(a)
	return list
}

// entries are what a person should look at.
type entries []*gatewayv1.Attention

func (e *entries) add(code, message, remedy string) *gatewayv1.Attention {
	entry := &gatewayv1.Attention{Code: code, Message: message, Remedy: remedy}
	*e = append(*e, entry)
	return entry
}

// addConnection says what keeps the services from Microsoft, from the secrets, or from one another.
func (e *entries) addConnection(a *answers, status *gatewayv1.GetStatusResponse) {
	if p := a.connection.GetSecretStore(); p != nil {
		e.add(p.GetCode(), p.GetMessage(), p.GetRemedy())
	}
	if failed := status.GetLastValidationError(); failed != nil {
		e.add(failed.GetCode(), failed.GetMessage(), "Validate the connection, or connect again.")
	}
	if n := a.dead.Load(); n > 0 {
		e.add("effects_dead", "Some of what was decided could not be carried out everywhere, and is not tried again by itself.",
			"Ask the operator of entrasync to retry it.").Count = &n
	}
}

// addSyncs says how the last run ended where that is not well, and why none starts by itself.
func (e *entries) addSyncs(status *gatewayv1.GetStatusResponse) {
	switch status.GetLastRun().GetState() {
	case runstate.Held:
		e.add("run_held", "The last run was held back by a guard.", "Look at the run and approve or reject what it would do.")
	case runstate.Failed:
		e.add("run_failed", "The last run failed: nothing was synced.", "Look at the run; it names for each managed tenant what is wrong and what to do.")
	case runstate.Partial:
		if n := status.GetLastRun().GetFailedTenants(); n > 0 {
			e.add("tenants_failed", "The last run could not sync some managed tenants.", "Look at the run; it names what is wrong with each and what to do.").Count = &n
		}
	}
	switch status.GetSchedule().GetPausedReason() {
	case pausereason.Disconnected:
		e.add("schedule_paused", "Automatic sync is paused: there is no connection.", "Connect again; it resumes by itself.")
	case pausereason.Quarantined:
		e.add("schedule_quarantined", "The last syncs have all failed, so that only one a day is tried.",
			"Look at the last run and mend what it names. The first sync that gets through ends this.")
	case pausereason.PausedByOperator:
		e.add("schedule_paused", "The operator of entrasync paused automatic sync.", "Ask the operator.")
	}
}

// addManagedTenants says which managed tenants cannot be read or synced, or not for long.
func (e *entries) addManagedTenants(a *answers) {
	add := func(id, code, message, remedy string) { e.add(code, message, remedy).ManagedTenantId = &id }
	if d := a.discovery; d.GetGoneCount() > 0 && d.GetActiveCount() == 0 && len(d.GetUnreadable()) == 0 {
		e.add("all_tenants_gone", "The last discovery found none of the managed tenants.",
			"Look at the delegated admin relationships in the partner's directory, then discover again.").Count = &d.GoneCount
	}
	for _, t := range a.discovery.GetUnreadable() {
		add(t.GetManagedTenantId(), t.GetProblem().GetCode(), t.GetProblem().GetMessage(), t.GetProblem().GetRemedy())
	}
	for _, t := range a.failing.GetTenants() {
		why, _ := reason.Of(reason.TenantQuarantined)
		message := why.Text
		if last, ok := reason.Of(t.GetCode()); ok {
			message += " The last failure: " + last.Text
		}
		add(t.GetManagedTenantId(), reason.TenantQuarantined, message, why.Do)
	}
	for _, t := range a.discovery.GetAccessEnding() {
		add(t.GetManagedTenantId(), "access_ending", "The delegated access to "+t.GetDisplayName()+" ends soon.", "Renew the delegated admin relationship.")
	}
}

// addWebhooks says which webhooks were disabled by their servers' failures.
func (e *entries) addWebhooks(a *answers) {
	for i := range a.webhooks {
		if why := a.webhooks[i].DisabledReason; why != nil && *why != webhook.ByPerson {
			e.add("webhook_disabled", "A webhook was disabled, because its server did not take messages any more.",
				"Mend the server and put the webhook again; it goes on where it stopped.")
		}
	}
}

// addMissing says what could not be asked for.
func (e *entries) addMissing(a *answers) {
	for _, missing := range []struct {
		gone bool
		what string
	}{
		{a.discovery == nil, "discovery"},
		{a.mapping == nil, "mappings"},
		{a.engine == nil, "sync"},
		{a.queue == nil, "the review queue"},
		{a.schedule == nil, "the schedule"},
	} {
		if missing.gone {
			e.add("part_unavailable", "What is known of "+missing.what+" cannot be shown at the moment.", "Try again in a minute.")
		}
	}
}
