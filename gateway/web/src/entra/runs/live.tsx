import { createConnectQueryKey, useQuery } from '@connectrpc/connect-query'
import { Group, Progress, Stack, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'

import { StatusService } from '../../gen/entrasync/gateway/v1/gateway_pb'
import type { TenantProgress } from '../../gen/entrasync/syncengine/v1/progress_pb'
import { RunService, type Run } from '../../gen/entrasync/syncengine/v1/run_pb'
import { TextLink } from '../../ui/link'
import { took, useNow } from '../../ui/time'
import { count, counters, runType, underWay } from '../../ui/words'
import { CancelRun } from './cancel'
import { useProgress } from './progress'

const noTenants: ReadonlyMap<string, TenantProgress> = new Map()

// useRun follows a run until it ends, and of one that was cancelled the directories that still stop: by
// its events, and by asking now and then, which brings what events do not tell.
export function useRun(runId: string) {
  const client = useQueryClient()
  const answer = useQuery(RunService.method.getRun, { runId }, {
    refetchInterval: ({ state: { data } }) => (data && !underWay(data.run?.state ?? '') && !data.tenantResults.some((result) => underWay(result.state)) ? false : 5_000),
  })
  const known = answer.data?.run
  const progress = useProgress(runId, known !== undefined && underWay(known.state))
  const ended = progress !== undefined && !underWay(progress.run.state)
  const { refetch } = answer
  // The results of what has ended are in the answer, not in the events.
  const processed = progress?.run.processedTenants
  useEffect(() => {
    if (processed === undefined) return
    const timer = setTimeout(() => void refetch(), ended ? 0 : 1_000)
    return () => clearTimeout(timer)
  }, [processed, ended, refetch])
  const over = known !== undefined && !underWay(known.state)
  useEffect(() => {
    if (!over) return
    void client.invalidateQueries({ queryKey: createConnectQueryKey({ schema: StatusService.method.getStatus, cardinality: 'finite' }) })
    void client.invalidateQueries({ queryKey: createConnectQueryKey({ schema: RunService.method.listRuns, cardinality: undefined }) })
  }, [over, client])
  const run: Run | undefined = known && progress && underWay(known.state)
    ? {
        ...known,
        state: ended ? known.state : progress.run.state,
        totalTenants: progress.run.totalTenants,
        processedTenants: Math.max(progress.run.processedTenants, known.processedTenants),
        counters: progress.run.counters ?? known.counters,
      }
    : known
  return { answer, run, tenants: progress?.tenants ?? noTenants }
}

// LiveRun is a run under way, in one line and a bar.
export function LiveRun({ runId }: { runId: string }) {
  const { run } = useRun(runId)
  if (!run || !underWay(run.state)) return null
  return (
    <Stack className="card" p="lg" gap="sm" component="section" aria-label="Sync under way">
      <Group justify="space-between">
        <Text fw={600}>
          {runType(run.type, run.dryRun)}: {run.type === 'discovery' ? 'reading directories' : run.dryRun ? 'preview under way' : 'sync under way'}
        </Text>
        <Group gap="md">
          <TextLink to="/integrations/entra/runs/$runId" params={{ runId }}>
            Details
          </TextLink>
          <CancelRun run={run} />
        </Group>
      </Group>
      <RunProgress run={run} />
    </Stack>
  )
}

export function RunProgress({ run }: { run: Run }) {
  const now = useNow()
  const done = run.totalTenants === 0 ? 0 : (run.processedTenants / run.totalTenants) * 100
  const said = run.totalTenants === 0 ? 'Getting ready' : `${count(run.processedTenants)} of ${count(run.totalTenants)} directories`
  return (
    <Stack gap={6}>
      <Progress value={run.totalTenants === 0 ? 100 : done} striped={run.totalTenants === 0} animated={underWay(run.state)} size="lg" aria-label={said} />
      <Group justify="space-between" gap="xs">
        <Text size="sm" role="status">
          {said} · {took(run.startedAt, run.completedAt, now)}
        </Text>
        <Text size="sm" c="dimmed" className="number">
          {counters
            .filter(([name]) => (run.counters?.[name] ?? 0) > 0)
            .map(([name, label]) => `${count(run.counters?.[name] ?? 0)} ${label.toLowerCase()}`)
            .join(' · ')}
        </Text>
      </Group>
    </Stack>
  )
}
