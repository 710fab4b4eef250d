import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Group, Select, Table, Text } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'

import { useClientName } from '../../api/names'
import { runsSheet } from '../../api/sheet'
import { RunService, type Run } from '../../gen/entrasync/syncengine/v1/run_pb'
import { DownloadButton } from '../../ui/download'
import { TextLink } from '../../ui/link'
import { Rows } from '../../ui/list'
import { Empty, Loading, Page, Problem, State, failed, forbidden } from '../../ui/states'
import { Time, took, useNow } from '../../ui/time'
import { count, counters, runState, runType, underWay } from '../../ui/words'

const types = ['initial', 'all-tenants', 'single-client', 'discovery']
const states = ['queued', 'running', 'completed', 'partial', 'failed', 'cancelled', 'held']

// RunsPage is the history, newest first.
export function RunsPage() {
  const search = useSearch({ from: '/integrations/entra/runs' })
  const navigate = useNavigate({ from: '/integrations/entra/runs' })
  const runs = useInfiniteQuery(RunService.method.listRuns, { ...search, pageSize: 50, pageToken: '' }, {
    pageParamKey: 'pageToken',
    getNextPageParam: (page) => page.nextPageToken || undefined,
    refetchInterval: (query) => (query.state.data?.pages[0]?.runs.some((run) => underWay(run.state)) ? 3_000 : 30_000),
  })
  const list = runs.data?.pages.flatMap((page) => page.runs) ?? []
  return (
    <Page title="Sync history" about="Every discovery, preview and sync, newest first." actions={list.length > 0 && <DownloadButton name="entrasync-runs.csv" of="these runs" fetch={() => runsSheet(search)} />}>
      {!forbidden(runs) && (
        <Group className="filters">
          <Select
            label="Kind"
            placeholder="Every kind"
            clearable
            data={types.map((value) => ({ value, label: runType(value) }))}
            value={search.type || null}
            onChange={(type) => void navigate({ search: { ...search, type: type ?? undefined } })}
          />
          <Select
            label="Outcome"
            placeholder="Every outcome"
            clearable
            data={states.map((value) => ({ value, label: runState(value).text }))}
            value={search.state || null}
            onChange={(state) => void navigate({ search: { ...search, state: state ?? undefined } })}
          />
        </Group>
      )}
      {runs.isPending ? (
        <Loading lines={8} />
      ) : failed(runs) ? (
        <Problem error={runs.error} again={() => void runs.refetch()} />
      ) : list.length === 0 ? (
        <div className="card">
          <Empty icon="runs" title={search.type || search.state ? 'No run of this kind' : 'Nothing was run yet'}>
            {search.type || search.state ? 'Choose another kind or outcome.' : 'A discovery or a sync appears here as soon as it starts.'}
          </Empty>
        </div>
      ) : (
        <Rows label="Runs" head={['Run', 'Outcome', 'Directories', 'What it did', 'Started', 'Took']} more={runs.hasNextPage ? () => void runs.fetchNextPage() : undefined} loading={runs.isFetchingNextPage}>
          {list.map((run) => (
            <RunRow key={run.runId} run={run} />
          ))}
        </Rows>
      )}
    </Page>
  )
}

function RunRow({ run }: { run: Run }) {
  const now = useNow()
  const client = useClientName(run.clientId)
  return (
    <Table.Tr>
      <Table.Td miw={230}>
        <TextLink to="/integrations/entra/runs/$runId" params={{ runId: run.runId }} fw={600}>
          {runType(run.type, run.dryRun)}
        </TextLink>
        {client && (
          <Text size="sm" dir="auto">
            {client}
          </Text>
        )}
        <Text size="sm" c="dimmed">
          by {run.initiatedBy || 'the schedule'}
        </Text>
      </Table.Td>
      <Table.Td>
        <State {...runState(run.state)} />
      </Table.Td>
      <Table.Td className="number">
        {run.totalTenants > 0 && `${count(run.processedTenants)} of ${count(run.totalTenants)}`}
        {run.failedTenants > 0 && (
          <Text size="sm" c="var(--bad)" component="div">
            {count(run.failedTenants)} failed
          </Text>
        )}
      </Table.Td>
      <Table.Td className="number">
        <Text size="sm">{summary(run)}</Text>
      </Table.Td>
      <Table.Td>
        <Time at={run.startedAt} never="not yet" />
      </Table.Td>
      <Table.Td className="number" style={{ whiteSpace: 'nowrap' }}>{took(run.startedAt, run.completedAt, now)}</Table.Td>
    </Table.Tr>
  )
}

function summary(run: Run): string {
  if (run.type === 'discovery') return run.state === 'completed' ? 'Directories read' : ''
  const parts = counters
    .filter(([name]) => name !== 'unchanged' && name !== 'filtered' && (run.counters?.[name] ?? 0) > 0)
    .map(([name, label]) => `${count(run.counters?.[name] ?? 0)} ${label.toLowerCase()}`)
  return parts.length > 0 ? parts.join(', ') : run.state !== 'completed' ? '' : run.dryRun ? 'Nothing would change' : 'Nothing had changed'
}
