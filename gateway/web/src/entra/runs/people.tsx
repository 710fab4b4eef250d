import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Button, Center, Group, Select, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'

import { useMayChange } from '../../api/flags'
import { useTenants } from '../../api/names'
import { peopleSheet } from '../../api/sheet'
import { ReportService, type RunIdentity } from '../../gen/entrasync/syncengine/v1/report_pb'
import type { Run, TenantResult } from '../../gen/entrasync/syncengine/v1/run_pb'
import { addressText } from '../../ui/domain'
import { DownloadButton } from '../../ui/download'
import { Icon } from '../../ui/icon'
import { TextLink } from '../../ui/link'
import { Rows } from '../../ui/list'
import { Address } from '../../ui/names'
import { Empty, Loading, Problem, failed } from '../../ui/states'
import { counted, counters, failureReason, fieldWord, filterReason, inactiveReason, queueReason } from '../../ui/words'

const outcomes = ['created', 'linked', 'updated', 'inactivated', 'reactivated', 'ambiguous', 'filtered', 'failed', 'held', 'unchanged']

function outcomeWord(code: string): string {
  if (code === 'held') return 'Held back'
  return counters.find(([name]) => name === code)?.[1] ?? code
}

// People lists what a run did, or would do, person by person.
export function People({ run, results }: { run: Run; results: TenantResult[] }) {
  const [outcome, setOutcome] = useState('')
  const [tenant, setTenant] = useState('')
  const [q, setQ] = useState('')
  const [typed] = useDebouncedValue(q, 250)
  const tenants = useTenants()
  const what = { runId: run.runId, outcome, managedTenantId: tenant, q: typed }
  const people = useInfiniteQuery(ReportService.method.listRunIdentities, { ...what, pageSize: 50, pageToken: '' }, { pageParamKey: 'pageToken', getNextPageParam: (page) => page.nextPageToken || undefined })
  const list = people.data?.pages.flatMap((page) => page.identities) ?? []
  const first = people.data?.pages[0]
  const name = (id: string) => tenants.data?.get(id)?.displayName ?? 'A directory'
  const several = results.length > 1
  const changed = list.some((identity) => identity.changes.length > 0)
  return (
    <Stack gap="md" component="section" aria-labelledby="by-person">
      <Group justify="space-between" align="flex-end">
        <div>
          <Title order={2} size="h4" id="by-person">
            By person
          </Title>
          <Text size="sm" c="dimmed">
            {run.dryRun ? 'What would become of everybody' : 'Everybody but the unchanged'}
            {first?.totalSize !== undefined && ` · ${counted(first.totalSize, 'person', 'people')}${first.totalSizeIsMinimum ? ' or more' : ''}`}
          </Text>
        </div>
        <Group align="flex-end" className="filters">
          <TextInput label="Find" placeholder="Name or sign-in name" leftSection={<Icon name="search" size={16} />} value={q} onChange={(event) => setQ(event.currentTarget.value)} />
          <Select label="Outcome" placeholder="Every outcome" clearable data={outcomes.map((value) => ({ value, label: outcomeWord(value) }))} value={outcome || null} onChange={(value) => setOutcome(value ?? '')} />
          {several && <Select label="Directory" placeholder="Every directory" searchable clearable data={results.map((r) => ({ value: r.managedTenantId, label: name(r.managedTenantId) }))} value={tenant || null} onChange={(value) => setTenant(value ?? '')} />}
          {list.length > 0 && <DownloadButton name={`entrasync-run-${run.runId.slice(-8)}-people.csv`} of="these people" fetch={() => peopleSheet(what)} />}
        </Group>
      </Group>
      {people.isPending ? (
        <Loading />
      ) : failed(people) ? (
        <Problem error={people.error} again={() => void people.refetch()} />
      ) : first && !first.reportKept ? (
        <Text c="dimmed">The details of single people were deleted after their time; the counters above remain.</Text>
      ) : list.length === 0 && people.hasNextPage ? (
        <div className="card">
          <Empty icon="search" title="Nobody so far">
            The report is long, and only a part of it was looked through.
          </Empty>
          <Center pb="md">
            <Button variant="default" onClick={() => void people.fetchNextPage()} loading={people.isFetchingNextPage}>
              Search on
            </Button>
          </Center>
        </div>
      ) : list.length === 0 ? (
        <div className="card">
          <Empty icon="contacts" title="Nobody">
            {q || outcome || tenant ? 'Nobody fits what you chose.' : run.dryRun ? 'Nothing would change for anybody.' : 'Nothing had changed for anybody.'}
          </Empty>
        </div>
      ) : (
        <Rows label="People of this run" head={['Person', 'Outcome', 'Why', ...(changed ? ['Change'] : [])]} more={people.hasNextPage ? () => void people.fetchNextPage() : undefined} loading={people.isFetchingNextPage}>
          {list.map((identity, i) => (
            <PersonRow key={`${identity.managedTenantId} ${identity.entraObjectId} ${i}`} identity={identity} directory={several ? name(identity.managedTenantId) : ''} preview={run.dryRun} changed={changed} />
          ))}
        </Rows>
      )}
    </Stack>
  )
}

// PersonRow is a person. A preview changed nothing, and neither did a sync of who is held back. There is
// a column of changes only where one of the people shown has changed.
function PersonRow({ identity, directory, preview, changed }: { identity: RunIdentity; directory: string; preview: boolean; changed: boolean }) {
  // The contact that a preview would make does not exist.
  const there = !preview || identity.outcome !== 'created'
  const name = identity.displayName || 'No name'
  const mayAsk = useMayChange()
  return (
    <Table.Tr>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>
        {identity.contactId && there ? (
          <div dir="auto">
            <TextLink to="/contacts/$contactId" params={{ contactId: identity.contactId }} fw={600}>
              {name}
            </TextLink>
          </div>
        ) : (
          <Text fw={600} dir="auto">
            {name}
          </Text>
        )}
        <Text size="sm" c="dimmed">
          <Address of={identity.userPrincipalName} />{' '}
          {identity.entraObjectId && mayAsk && (
            <TextLink to="/integrations/entra/explain" search={{ q: identity.displayName || identity.userPrincipalName, directory: identity.managedTenantId, id: identity.entraObjectId }} size="sm">
              Why?
            </TextLink>
          )}
        </Text>
        {directory && (
          <Text size="sm" c="dimmed" dir="auto">
            {directory}
          </Text>
        )}
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>{outcomeWord(identity.outcome)}</Table.Td>
      <Table.Td>
        {why(identity)}
        {identity.pattern && (
          <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            Pattern: {identity.pattern}
          </Text>
        )}
      </Table.Td>
      {changed && (
        <Table.Td>
          {identity.changes.map((change) => (
            <Text size="sm" key={change.field} style={{ overflowWrap: 'anywhere' }}>
              {change.field === 'inactive' ? (
                activity(change.after === 'true', preview || identity.outcome === 'held')
              ) : (
                <>
                  {fieldWord(change.field)}: {change.before !== '' && <del dir="auto">{valueWord(change.field, change.before)}</del>} {change.before !== '' && '→ '}
                  <bdi>{valueWord(change.field, change.after)}</bdi>
                </>
              )}
            </Text>
          ))}
        </Table.Td>
      )}
    </Table.Tr>
  )
}

// activity is a change of whether a contact is active; would, where nothing was written.
function activity(inactive: boolean, would: boolean): string {
  if (would) return inactive ? 'Would become inactive' : 'Would become active'
  return inactive ? 'Active → inactive' : 'Inactive → active'
}

function valueWord(field: string, value: string): string {
  if (field === 'email' || field === 'entraUserPrincipalName') return addressText(value) || 'empty'
  return value || 'empty'
}

function why(identity: RunIdentity): string {
  if (!identity.reason) return ''
  if (identity.outcome === 'filtered') return filterReason(identity.reason)
  if (identity.outcome === 'ambiguous') return queueReason(identity.reason).title
  if (identity.outcome === 'failed') return failureReason(identity.reason)
  return inactiveReason(identity.reason)
}
