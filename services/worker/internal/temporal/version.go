package temporal

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Deployment is the name of all workers' deployment in Temporal.
const Deployment = "entrasync"

// Version says which build a worker is, where Temporal is to send workflows to a version of workers
// that an operator has made the current one. Without it any worker takes any workflow.
type Version struct {
	BuildID string `env:"ENTRASYNC_TEMPORAL_BUILD_ID"` // unique for a build; empty: no versions
}

// options are those of the SDK. Every workflow may be carried on by a newer build, which replays what
// earlier builds recorded; a run lasts up to a day and need not keep an old build running.
func (v Version) options() worker.DeploymentOptions {
	if v.BuildID == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{
		UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: Deployment, BuildID: v.BuildID},
		DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	}
}
