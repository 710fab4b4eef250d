package workflow

import (
	"errors"
	"strconv"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// errDeadline means that the run's time is up.
var errDeadline = errors.New("the run's time is up")

// fleet is one execution of a fleet run: a sliding window over clients.
type fleet struct {
	ref      RunRef
	limits   Limits
	state    FleetState
	closedAs string // the state of a run that was closed before it began

	waiting []*clientQueue          // clients not begun yet, in the order of the list
	clients map[string]*clientQueue // clients that wait or are being synced, by id
	active  int                     // clients, or batches of quick ones, being synced

	together int  // quick clients in one batch
	taken    int  // managed tenants taken from the list by this execution
	expired  bool // the run's time was up before all that was taken was begun
}

// clientQueue is the directories of one client, which are synced one after the other.
type clientQueue struct {
	client  string
	tenants []LeftTenant
	quick   bool
}

// run syncs managed tenants until the list ends or this execution has taken as many as it
// may; then all that it took have a result. The error is that of the run as a whole.
func (f *fleet) run(ctx workflow.Context) error {
	err := f.fill(ctx)
	// Nothing more is begun; rounds under way finish, also after a cancellation.
	drain, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if waitErr := workflow.Await(drain, func() bool { return f.active == 0 }); waitErr != nil {
		return waitErr
	}
	switch {
	case err == nil && ctx.Err() != nil:
		return ctx.Err()
	case err == nil && f.expired:
		return errDeadline
	}
	return err
}

// fill keeps the window full until nothing is left to begin.
func (f *fleet) fill(ctx workflow.Context) error {
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if f.left(ctx) <= 0 {
			return errDeadline
		}
		if err := f.load(ctx); err != nil {
			return err
		}
		if len(f.waiting) == 0 {
			return nil
		}
		next := f.next()
		f.active++
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer func() { f.active-- }()
			if len(next) > 1 {
				f.batch(ctx, next)
			}
			for _, queue := range next {
				f.work(ctx, queue)
			}
		})
		if err := workflow.Await(ctx, func() bool { return f.active < f.limits.Window }); err != nil {
			return err
		}
	}
}

// load takes the next page of the list when no client waits.
func (f *fleet) load(ctx workflow.Context) error {
	for len(f.waiting) == 0 && !f.state.Listed && !f.full(ctx) {
		var page LoadMappedTenantsOutput
		err := workflow.ExecuteActivity(unary(ctx, f.left(ctx), "list the next managed tenants"), LoadMappedTenants, LoadMappedTenantsInput{
			RunRef: f.ref, PageSize: f.limits.PageSize, PageToken: f.state.PageToken,
		}).Get(ctx, &page)
		if err != nil {
			return err
		}
		for _, group := range page.Groups {
			f.add(group)
		}
		f.shareOut()
		f.state.PageToken, f.state.Listed = page.NextPageToken, page.NextPageToken == ""
	}
	return nil
}

// full reports whether this execution has taken as many as it may: a history must not grow
// without bounds.
func (f *fleet) full(ctx workflow.Context) bool {
	return f.taken >= f.limits.TenantsPerExecution || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// next takes what is begun next: a client, or several quick ones.
func (f *fleet) next() []*clientQueue {
	if !f.waiting[0].quick || f.together == 1 {
		queue := f.waiting[0]
		f.waiting = f.waiting[1:]
		return []*clientQueue{queue}
	}
	var taken, rest []*clientQueue
	for _, queue := range f.waiting {
		if queue.quick && len(taken) < f.together {
			taken = append(taken, queue)
		} else {
			rest = append(rest, queue)
		}
	}
	f.waiting = rest
	return taken
}

// shareOut says how many quick clients of the page are done together: so many that all are begun at
// once, as far as one activity may hold them.
func (f *fleet) shareOut() {
	quick := 0
	for _, queue := range f.waiting {
		if queue.quick {
			quick++
		}
	}
	f.together = max(min((quick+f.limits.Window-1)/f.limits.Window, f.limits.Batch), 1)
}

// add appends a group to the waiting clients. A client whose directories are on two pages is
// one entry.
func (f *fleet) add(group Group) {
	f.taken += len(group.ManagedTenantIDs)
	queue, ok := f.clients[group.ClientID]
	if !ok {
		queue = &clientQueue{client: group.ClientID, quick: group.Quick}
		f.clients[group.ClientID] = queue
		f.waiting = append(f.waiting, queue)
	}
	queue.quick = queue.quick && group.Quick
	for _, id := range group.ManagedTenantIDs {
		queue.tenants = append(queue.tenants, LeftTenant{ManagedTenantID: id})
	}
}

// batch syncs the directories of quick clients in one activity. What turns out not to be quick stays
// with its client.
func (f *fleet) batch(ctx workflow.Context, queues []*clientQueue) {
	in := SyncQuickTenantsInput{RunRef: f.ref}
	all := map[string]*clientQueue{}
	for _, queue := range queues {
		group := Group{ClientID: queue.client}
		for _, t := range queue.tenants {
			group.ManagedTenantIDs = append(group.ManagedTenantIDs, t.ManagedTenantID)
			all[t.ManagedTenantID] = queue
		}
		in.Groups = append(in.Groups, group)
	}
	last := in.Groups[len(in.Groups)-1].ManagedTenantIDs
	about := strconv.Itoa(len(all)) + " managed tenants, from " + in.Groups[0].ManagedTenantIDs[0] + " to " + last[len(last)-1]
	var out SyncQuickTenantsOutput
	err := workflow.ExecuteActivity(round(ctx, f.left(ctx), about), SyncQuickTenants, in).Get(ctx, &out)
	if err != nil {
		return // each is tried on its own, unless the run is over
	}
	f.state.Done += out.Done
	f.state.Failed += out.Failed
	for _, queue := range queues {
		// What was listed meanwhile follows what is left.
		queue.tenants = queue.tenants[len(in.Groups[0].ManagedTenantIDs):]
		in.Groups = in.Groups[1:]
	}
	for i := len(out.Left) - 1; i >= 0; i-- {
		queue := all[out.Left[i].ManagedTenantID]
		queue.tenants = append([]LeftTenant{out.Left[i]}, queue.tenants...)
	}
	f.showProgress(ctx)
}

// work syncs a client's directories one after the other.
func (f *fleet) work(ctx workflow.Context, queue *clientQueue) {
	defer delete(f.clients, queue.client)
	for len(queue.tenants) > 0 && ctx.Err() == nil {
		if f.left(ctx) <= 0 {
			f.expired = true
			return
		}
		next := queue.tenants[0]
		queue.tenants = queue.tenants[1:]
		f.sync(ctx, next)
	}
}

// sync does one managed tenant. Its failure concerns it alone.
func (f *fleet) sync(ctx workflow.Context, next LeftTenant) {
	managedTenantID := next.ManagedTenantID
	if next.WaitSeconds > 0 && workflow.Sleep(ctx, time.Duration(next.WaitSeconds)*time.Second) != nil {
		return // cancelled: the run's end closes it
	}
	in := SyncTenantUsersInput{RunRef: f.ref, ManagedTenantID: managedTenantID, Upstream: next.Upstream}
	var out SyncTenantUsersOutput
	err := workflow.ExecuteActivity(round(ctx, f.left(ctx), "managed tenant "+managedTenantID), SyncTenantUsers, in).Get(ctx, &out)
	f.state.Done++
	defer f.showProgress(ctx)
	if err == nil {
		if out.State == StateFailed {
			f.state.Failed++
		}
		return
	}
	result := RecordTenantResultInput{RunRef: f.ref, ManagedTenantID: managedTenantID, State: StateFailed, Code: codeOf(err)}
	if temporal.IsCanceledError(err) {
		result.State = StateCancelled
	} else {
		f.state.Failed++
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := workflow.ExecuteActivity(unary(ctx, f.left(ctx), "record that managed tenant "+managedTenantID+" ended as "+result.State), RecordTenantResult, result).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Error("recording a tenant's result", "managed_tenant", managedTenantID, "code", codeOf(err))
	}
}
