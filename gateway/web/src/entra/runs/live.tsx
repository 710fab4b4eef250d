import { createConnectQueryKey, useQuery } from '@connectrpc/connect-query'
import { Group, Progress, Stack, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'

import { StatusService } from '../../gen/entrasync/gateway/v1/gateway_pb'
import { RunService, type Run } from '../../gen/entrasync/syncengine/v1/run_pb'
import { TextLink } from '../../ui/link'
import { took, useNow } from '../../ui/time'
import { count, counters, runType, underWay } from '../../ui/words'

// useRun follows a run until it ends.
export function useRun(runId: string) {
  return useQuery(RunService.method.getRun, { runId }, {
    refetchInterval: (query) => (query.state.data && !underWay(query.state.data.run?.state ?? '') ? false : 1_500),
  })
}

// LiveRun is a run under way, in one line and a bar.
export function LiveRun({ runId }: { runId: string }) {
  const run = useRun(runId)
  const client = useQueryClient()
  const state = run.data?.run?.state
  useEffect(() => {
    if (state === undefined || underWay(state)) return
    void client.invalidateQueries({ queryKey: createConnectQueryKey({ schema: StatusService.method.getStatus, cardinality: 'finite' }) })
    void client.invalidateQueries({ queryKey: createConnectQueryKey({ schema: RunService.method.listRuns, cardinality: undefined }) })
  }, [state, client])
  if (!run.data?.run) return null
  return (
    <Stack className="card" p="lg" gap="sm" component="section" aria-label="Sync under way">
      <Group justify="space-between">
        <Text fw={600}>{runType(run.data.run.type, run.data.run.dryRun)}: sync under way</Text>
        <TextLink to="/integrations/entra/runs/$runId" params={{ runId }}>
          Details
        </TextLink>
      </Group>
      <RunProgress run={run.data.run} />
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
