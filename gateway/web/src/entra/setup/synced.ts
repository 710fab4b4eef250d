import { useQuery } from '@connectrpc/connect-query'

import { RunService } from '../../gen/entrasync/syncengine/v1/run_pb'

// useSyncedOnce says whether a sync of all clients has ever come to its end; undefined until it is
// known. A preview, or a client that was tried alone, is not it.
export function useSyncedOnce(): boolean | undefined {
  const first = useQuery(RunService.method.listRuns, { type: 'initial', pageSize: 20 }, { refetchInterval: 30_000 })
  const later = useQuery(RunService.method.listRuns, { type: 'all-tenants', pageSize: 20 }, { refetchInterval: 30_000 })
  const runs = [...(first.data?.runs ?? []), ...(later.data?.runs ?? [])]
  if (runs.some((run) => !run.dryRun && (run.state === 'completed' || run.state === 'partial'))) return true
  return first.isPending || later.isPending ? undefined : false
}
