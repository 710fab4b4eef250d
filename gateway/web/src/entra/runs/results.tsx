import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Accordion, Badge, Button, Center, Divider, Group, Progress, Select, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'

import { useTenants } from '../../api/names'
import { directoriesSheet } from '../../api/sheet'
import type { TenantProgress } from '../../gen/entrasync/syncengine/v1/progress_pb'
import { ReportService } from '../../gen/entrasync/syncengine/v1/report_pb'
import type { Run, TenantResult } from '../../gen/entrasync/syncengine/v1/run_pb'
import { DownloadButton } from '../../ui/download'
import { TextLink } from '../../ui/link'
import { Problem, State } from '../../ui/states'
import { took, useNow } from '../../ui/time'
import { count, counted, counters, failureReason, filterReason, phase, queueReason, runState, underWay } from '../../ui/words'
import { Cause } from './cause'
import { brief, somebody } from './counters'
import { HeldBack, heldState } from './held'

const gravity: Record<string, number> = { held: 0, failed: 1, partial: 2, running: 3, queued: 4, cancelled: 5, completed: 6 }

// urgency orders results; what was held and a person has decided needs nobody any more.
function urgency(result: TenantResult): number {
  return result.held?.decision ? 9 : (gravity[result.state] ?? 9)
}

// Results shows a run by directory, what needs a person first. A run of more than the answer to one
// call holds is shown in full by its state.
export function Results({ run, results, live }: { run: Run; results: TenantResult[]; live: ReadonlyMap<string, TenantProgress> }) {
  const tenants = useTenants()
  const [state, setState] = useState('')
  const more = useInfiniteQuery(
    ReportService.method.listTenantResults,
    { runId: run.runId, state, pageSize: 100, pageToken: '' },
    { pageParamKey: 'pageToken', getNextPageParam: (page) => page.nextPageToken || undefined, enabled: state !== '' },
  )
  const name = (result: TenantResult) => tenants.data?.get(result.managedTenantId)?.displayName ?? 'A directory'
  const shown = state === '' ? [...results].sort((a, b) => urgency(a) - urgency(b)) : (more.data?.pages.flatMap((page) => page.tenantResults) ?? [])
  if (results.length === 0) return null
  return (
    <Stack className="card" gap={0} component="section" aria-labelledby="by-directory">
      <Group p="md" px="lg" justify="space-between">
        <div>
          <Title order={2} size="h4" id="by-directory">
            By directory
          </Title>
          <Text size="sm" c="dimmed">
            {state === '' && run.totalTenants > results.length ? `The first ${count(results.length)} of ${counted(run.totalTenants, 'directory', 'directories')}` : counted(shown.length, 'directory', 'directories')}
            {state === '' && '; what needs you first'}
          </Text>
        </div>
        <Group gap="sm">
          <Select
            aria-label="Outcome of the directory"
            placeholder="Every outcome"
            clearable
            w={170}
            data={Object.keys(gravity).map((value) => ({ value, label: runState(value).text }))}
            value={state || null}
            onChange={(value) => setState(value ?? '')}
          />
          {!underWay(run.state) && <DownloadButton name={`entrasync-run-${run.runId.slice(-8)}-directories.csv`} of="the directories" fetch={() => directoriesSheet(run.runId)} />}
        </Group>
      </Group>
      <Divider />
      {more.isError && <Problem error={more.error} again={() => void more.refetch()} />}
      {shown.length === 0 && !more.isFetching && (
        <Text p="lg" c="dimmed">
          No directory of this run ended so.
        </Text>
      )}
      <Accordion multiple variant="default" chevronPosition="left" defaultValue={shown.filter((r) => r.held || r.error).slice(0, 3).map((r) => r.managedTenantId)}>
        {shown.map((result) => (
          <Accordion.Item key={result.managedTenantId} value={result.managedTenantId}>
            <Accordion.Control>
              <Group justify="space-between" gap="xs">
                <Text fw={600} dir="auto" style={{ overflowWrap: 'anywhere' }}>
                  {name(result)}
                </Text>
                <Group gap="xs">
                  <Live run={run} result={result} progress={live.get(result.managedTenantId)} />
                </Group>
              </Group>
            </Accordion.Control>
            <Accordion.Panel>
              <ResultDetail run={run} result={result} directory={name(result)} />
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
      {state !== '' && more.hasNextPage && (
        <Center p="md">
          <Button variant="default" onClick={() => void more.fetchNextPage()} loading={more.isFetchingNextPage}>
            Show more
          </Button>
        </Center>
      )}
    </Stack>
  )
}

// Live is how far a directory is: by the run's events while it is under way, else by its result. A
// cancelled run is over before a directory that is being read has stopped.
function Live({ run, result, progress }: { run: Run; result: TenantResult; progress: TenantProgress | undefined }) {
  const live = underWay(run.state) && underWay(result.state) ? progress : undefined
  const state = live?.state ?? result.state
  const running = underWay(state) && live !== undefined && live.phase !== ''
  return (
    <>
      {running ? (
        <>
          <Text size="sm" c="dimmed" className="number">
            {phase(live.phase)}
            {live.staged > 0 && ` · ${count(live.staged)} read`}
            {live.applied > 0 && ` · ${count(live.applied)} written`}
          </Text>
          <Progress value={100} animated striped size="sm" w={60} aria-label={phase(live.phase)} />
        </>
      ) : (
        brief(result.counters) !== '' && (
          <Text size="sm" c="dimmed" className="number">
            {brief(result.counters)}
          </Text>
        )
      )}
      <State {...(!underWay(run.state) && underWay(state) ? { text: 'Stopping', tone: 'quiet' as const } : state === 'held' ? heldState(run, [result]) : runState(state))} />
    </>
  )
}

function ResultDetail({ run, result, directory }: { run: Run; result: TenantResult; directory: string }) {
  const now = useNow()
  const filtered = Object.entries(result.filtered).sort(([, a], [, b]) => b - a)
  const ambiguous = Object.entries(result.ambiguous).sort(([, a], [, b]) => b - a)
  return (
    <Stack gap="md">
      {result.error && <Cause problem={result.error} />}
      {result.held && <HeldBack run={run} result={result} held={result.held} directory={directory} />}
      {somebody(result.counters) && (
        <Group gap="xs">
          {counters.filter(([name]) => (result.counters?.[name] ?? 0) > 0).map(([name, label]) => (
            <Badge key={name} className="state" variant="light" color="gray" tt="none" fw={500}>
              {count(result.counters?.[name] ?? 0)} {label.toLowerCase()}
            </Badge>
          ))}
        </Group>
      )}
      {filtered.length + ambiguous.length + result.failures.length > 0 && (
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          {filtered.length > 0 && <Breakdown title="Left out, and why" lines={filtered.map(([reason, n]) => [filterReason(reason), n])} />}
          {ambiguous.length > 0 && <Breakdown title="For review, and why" lines={ambiguous.map(([reason, n]) => [queueReason(reason).title, n])} />}
          {result.failures.length > 0 && <Breakdown title="Could not be read" lines={tally(result.failures.map((failure) => failureReason(failure.reason)))} />}
        </SimpleGrid>
      )}
      <Group gap="lg">
        {result.clientId && (
          <TextLink to="/clients/$clientId" params={{ clientId: result.clientId }} size="sm">
            Open the client
          </TextLink>
        )}
        <Text size="sm" c="dimmed">
          Took {took(result.startedAt, result.completedAt, now) || 'no time yet'}
        </Text>
      </Group>
    </Stack>
  )
}

function tally(words: string[]): [string, number][] {
  const found = new Map<string, number>()
  for (const word of words) found.set(word, (found.get(word) ?? 0) + 1)
  return [...found.entries()]
}

function Breakdown({ title, lines }: { title: string; lines: [string, number][] }) {
  return (
    <div>
      <Text size="sm" fw={600} mb={4}>
        {title}
      </Text>
      {lines.map(([text, n]) => (
        <Group key={text} justify="space-between" wrap="nowrap" gap="xs">
          <Text size="sm">{text}</Text>
          <Text size="sm" className="number">
            {count(n)}
          </Text>
        </Group>
      ))}
    </div>
  )
}
