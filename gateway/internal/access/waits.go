package access

import (
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// waiting are the methods that by their contract keep a call until something happens: a change comes,
// a discovery ends. Such a call works no more than one that asks again and again.
var waiting = map[string]bool{
	syncenginev1.ChangeService_ListChanges_FullMethodName:              true, // up to 20 s
	orchestrationv1.OrchestrationService_StartDiscovery_FullMethodName: true, // up to 25 s
}

// Waits reports whether a call of the method mostly waits. It then takes none of the places of calls
// that work.
func (m Method) Waits() bool { return waiting[m.Procedure] }
