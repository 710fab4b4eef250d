import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Accordion, Anchor, Badge, Divider, Group, Select, SimpleGrid, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'

import { useTenants } from '../../api/names'
import { ReportService, type RunIdentity } from '../../gen/entrasync/syncengine/v1/report_pb'
import type { Run, TenantResult } from '../../gen/entrasync/syncengine/v1/run_pb'
import { Icon } from '../../ui/icon'
import { TextLink } from '../../ui/link'
import { Rows } from '../../ui/list'
import { Empty, Loading, Page, Problem, State } from '../../ui/states'
import { Time, took, useNow } from '../../ui/time'
import { count, counted, counters, failureReason, filterReason, heldReason, inactiveReason, queueReason, runState, runType, underWay } from '../../ui/words'
import { RunProgress, useRun } from './live'

// RunPage shows one run: how far it is, what it did by directory and by person, and what to do
// where it failed or was held.
export function RunPage() {
  const { runId } = useParams({ from: '/integrations/entra/runs/$runId' })
  const answer = useRun(runId)
  const now = useNow()
  if (answer.isPending) return <Loading lines={8} />
  if (answer.isError) return <Problem error={answer.error} again={() => void answer.refetch()} />
  const run = answer.data.run
  if (!run) return <Empty title="There is no such run" />
  const results = answer.data.tenantResults
  return (
    <Page
      title={
        <Group gap="sm">
          {runType(run.type, run.dryRun)} <State {...runState(run.state)} />
        </Group>
      }
      about={
        <>
          Started <Time at={run.startedAt} never="not yet" /> by {run.initiatedBy || 'the schedule'}
          {run.completedAt && <> · took {took(run.startedAt, run.completedAt, now)}</>}
        </>
      }
    >
      {run.dryRun && (
        <Text className="card" p="md">
          This was a preview: it decided about everybody as a sync would, and wrote nothing.
        </Text>
      )}
      {underWay(run.state) && (
        <div className="card" style={{ padding: 20 }}>
          <RunProgress run={run} />
        </div>
      )}
      {run.error && <Cause message={run.error.message} remedy={run.error.remedy} />}
      {run.type !== 'discovery' && <CounterGrid run={run} />}
      {run.type !== 'discovery' && <Results results={results} />}
      {run.type !== 'discovery' && !underWay(run.state) && <People run={run} results={results} />}
      <Text size="sm" c="dimmed">
        For operators:{' '}
        <Anchor href={`${location.protocol}//${location.hostname}:8233/namespaces/entrasync/workflows/${encodeURIComponent(run.workflowId)}`} target="_blank" rel="noreferrer" size="sm">
          this run in the Temporal UI
        </Anchor>
      </Text>
    </Page>
  )
}

function Cause({ message, remedy }: { message: string; remedy: string }) {
  return (
    <Group wrap="nowrap" align="flex-start" gap="sm" c="red">
      <Icon name="error" />
      <Stack gap={0}>
        <Text fw={600}>{message}</Text>
        {remedy && (
          <Text size="sm" c="dimmed">
            {remedy}
          </Text>
        )}
      </Stack>
    </Group>
  )
}

function CounterGrid({ run }: { run: Run }) {
  return (
    <SimpleGrid cols={{ base: 2, xs: 3, md: 5, lg: 9 }} spacing="sm" component="section" aria-label="Counters">
      {counters.map(([name, label]) => {
        const n = run.counters?.[name] ?? 0
        return (
          <Stack key={name} className="card" p="sm" gap={0}>
            <Text className="number" size="xl" fw={650} c={n === 0 ? 'dimmed' : name === 'failed' ? 'red' : undefined}>
              {count(n)}
            </Text>
            <Text size="sm" c="dimmed">
              {label}
            </Text>
          </Stack>
        )
      })}
    </SimpleGrid>
  )
}

const gravity: Record<string, number> = { held: 0, failed: 1, partial: 2, running: 3, queued: 4, cancelled: 5, completed: 6 }

function Results({ results }: { results: TenantResult[] }) {
  const tenants = useTenants()
  const sorted = [...results].sort((a, b) => (gravity[a.state] ?? 9) - (gravity[b.state] ?? 9))
  const name = (result: TenantResult) => tenants.data?.get(result.managedTenantId)?.displayName ?? 'A directory'
  if (sorted.length === 0) return null
  return (
    <Stack className="card" gap={0} component="section" aria-labelledby="by-directory">
      <Group p="md" px="lg" justify="space-between">
        <Title order={2} size="h4" id="by-directory">
          By directory
        </Title>
        <Text size="sm" c="dimmed">
          {counted(sorted.length, 'directory', 'directories')}; what needs you first
        </Text>
      </Group>
      <Divider />
      <Accordion multiple variant="default" chevronPosition="left" defaultValue={sorted.filter((r) => r.held || r.error).slice(0, 3).map((r) => r.managedTenantId)}>
        {sorted.map((result) => (
          <Accordion.Item key={result.managedTenantId} value={result.managedTenantId}>
            <Accordion.Control>
              <Group justify="space-between" gap="xs">
                <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
                  {name(result)}
                </Text>
                <Group gap="xs">
                  <Text size="sm" c="dimmed" className="number">
                    {brief(result)}
                  </Text>
                  <State {...runState(result.state)} />
                </Group>
              </Group>
            </Accordion.Control>
            <Accordion.Panel>
              <ResultDetail result={result} />
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
    </Stack>
  )
}

function brief(result: TenantResult): string {
  return counters
    .filter(([name]) => name !== 'unchanged' && (result.counters?.[name] ?? 0) > 0)
    .map(([name, label]) => `${count(result.counters?.[name] ?? 0)} ${label.toLowerCase()}`)
    .join(' · ')
}

function ResultDetail({ result }: { result: TenantResult }) {
  const now = useNow()
  const filtered = Object.entries(result.filtered).sort(([, a], [, b]) => b - a)
  const ambiguous = Object.entries(result.ambiguous).sort(([, a], [, b]) => b - a)
  return (
    <Stack gap="md">
      {result.error && <Cause message={result.error.message} remedy={result.error.remedy} />}
      {result.held && (
        <Group wrap="nowrap" align="flex-start" gap="sm">
          <Text c="orange" component="span">
            <Icon name="warning" />
          </Text>
          <Stack gap={0}>
            <Text fw={600}>
              {heldReason(result.held.reason).title}: {counted(result.held.count, 'person', 'people')}
            </Text>
            <Text size="sm">{heldReason(result.held.reason).text}</Text>
          </Stack>
        </Group>
      )}
      <Group gap="xs">
        {counters.map(([name, label]) => (
          <Badge key={name} className="state" variant="light" color="gray" tt="none" fw={500}>
            {count(result.counters?.[name] ?? 0)} {label.toLowerCase()}
          </Badge>
        ))}
      </Group>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {filtered.length > 0 && (
          <Breakdown title="Left out, and why" lines={filtered.map(([reason, n]) => [filterReason(reason), n])} />
        )}
        {ambiguous.length > 0 && (
          <Breakdown title="For review, and why" lines={ambiguous.map(([reason, n]) => [queueReason(reason).title, n])} />
        )}
        {result.failures.length > 0 && (
          <Breakdown title="Could not be read" lines={tally(result.failures.map((failure) => failureReason(failure.reason)))} />
        )}
      </SimpleGrid>
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

const outcomes = ['created', 'linked', 'updated', 'inactivated', 'reactivated', 'ambiguous', 'filtered', 'failed', 'held', 'unchanged']

function outcomeWord(code: string): string {
  if (code === 'held') return 'Held'
  return counters.find(([name]) => name === code)?.[1] ?? code
}

function People({ run, results }: { run: Run; results: TenantResult[] }) {
  const [outcome, setOutcome] = useState('')
  const [tenant, setTenant] = useState('')
  const [q, setQ] = useState('')
  const [typed] = useDebouncedValue(q, 250)
  const tenants = useTenants()
  const people = useInfiniteQuery(
    ReportService.method.listRunIdentities,
    { runId: run.runId, outcome, managedTenantId: tenant, q: typed, pageSize: 50, pageToken: '' },
    { pageParamKey: 'pageToken', getNextPageParam: (page) => page.nextPageToken || undefined },
  )
  const list = people.data?.pages.flatMap((page) => page.identities) ?? []
  const kept = people.data?.pages[0]?.reportKept ?? true
  const name = (id: string) => tenants.data?.get(id)?.displayName ?? 'A directory'
  return (
    <Stack gap="md" component="section" aria-labelledby="by-person">
      <Group justify="space-between" align="flex-end">
        <div>
          <Title order={2} size="h4" id="by-person">
            By person
          </Title>
          <Text size="sm" c="dimmed">
            {run.dryRun ? 'What would become of everybody' : 'Everybody about whom the sync decided something new'}
          </Text>
        </div>
        <Group align="flex-end">
          <TextInput label="Find" placeholder="Name or sign-in name" leftSection={<Icon name="search" size={16} />} value={q} onChange={(event) => setQ(event.currentTarget.value)} />
          <Select label="Outcome" placeholder="Every outcome" clearable data={outcomes.map((value) => ({ value, label: outcomeWord(value) }))} value={outcome || null} onChange={(value) => setOutcome(value ?? '')} />
          {results.length > 1 && (
            <Select label="Directory" placeholder="Every directory" searchable clearable data={results.map((r) => ({ value: r.managedTenantId, label: name(r.managedTenantId) }))} value={tenant || null} onChange={(value) => setTenant(value ?? '')} />
          )}
        </Group>
      </Group>
      {people.isPending ? (
        <Loading />
      ) : people.isError ? (
        <Problem error={people.error} again={() => void people.refetch()} />
      ) : !kept ? (
        <Text c="dimmed">The details of single people were deleted after their time; the counters above remain.</Text>
      ) : list.length === 0 ? (
        <div className="card">
          <Empty icon="contacts" title="Nobody">
            {q || outcome || tenant ? 'Nobody fits what you chose.' : 'Nothing had changed for anybody.'}
          </Empty>
        </div>
      ) : (
        <Rows label="People of this run" head={['Person', 'Outcome', 'Why', 'What changed']} more={people.hasNextPage ? () => void people.fetchNextPage() : undefined} loading={people.isFetchingNextPage}>
          {list.map((identity, i) => (
            <PersonRow key={`${identity.managedTenantId} ${identity.entraObjectId} ${i}`} identity={identity} directory={results.length > 1 ? name(identity.managedTenantId) : ''} />
          ))}
        </Rows>
      )}
    </Stack>
  )
}

function PersonRow({ identity, directory }: { identity: RunIdentity; directory: string }) {
  return (
    <Table.Tr>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>
        <Text fw={600} dir="auto">
          {identity.displayName || 'No name'}
        </Text>
        <Text size="sm" c="dimmed">
          {identity.userPrincipalName}
        </Text>
        {directory && (
          <Text size="sm" c="dimmed">
            {directory}
          </Text>
        )}
      </Table.Td>
      <Table.Td>{outcomeWord(identity.outcome)}</Table.Td>
      <Table.Td>
        {why(identity)}
        {identity.pattern && (
          <Text size="sm" c="dimmed">
            Pattern: {identity.pattern}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        {identity.changes.map((change) => (
          <Text size="sm" key={change.field} dir="auto" style={{ overflowWrap: 'anywhere' }}>
            {fieldWord(change.field)}: {change.before !== '' && <del>{change.before}</del>} {change.before !== '' && '→ '}
            {change.after || 'empty'}
          </Text>
        ))}
      </Table.Td>
    </Table.Tr>
  )
}

function why(identity: RunIdentity): string {
  if (!identity.reason) return ''
  if (identity.outcome === 'filtered') return filterReason(identity.reason)
  if (identity.outcome === 'ambiguous') return queueReason(identity.reason).title
  if (identity.outcome === 'failed') return failureReason(identity.reason)
  return inactiveReason(identity.reason)
}

function fieldWord(field: string): string {
  const words: Record<string, string> = { fullName: 'Name', full_name: 'Name', email: 'E-mail', phone: 'Phone', role: 'Role', inactive: 'Inactive' }
  return words[field] ?? field
}
