import type { MessageInitShape } from '@bufbuild/protobuf'
import { useMutation } from '@connectrpc/connect-query'
import { Button, Input, SegmentedControl, Stack, Table, Text } from '@mantine/core'
import { useState } from 'react'

import { describe, type Failure } from '../../api/failure'
import type { FiltersSchema } from '../../gen/entrasync/syncengine/v1/settings_pb'
import { FilterTestService, type FilterVerdict, type TestedIdentity, type TestFiltersResponse } from '../../gen/entrasync/syncengine/v1/test_filters_pb'
import { DirectoryPicker } from '../../ui/directory'
import { Rows } from '../../ui/list'
import { Address } from '../../ui/names'
import { Problem, State } from '../../ui/states'
import { count, counted, filterReason, type Tone } from '../../ui/words'
import { filterLists } from './draft'

// Whom the filters are tried on, with what that means.
const bases = {
  now: { label: 'The directory as it is now', about: 'Microsoft is asked for its people, up to the first 10,000. Who is linked stays linked.' },
  last: { label: 'The last sync', about: 'Those whom filters decide about: who was left out, or waits in the review queue. Who is linked stays linked. Microsoft is asked for the members of groups alone.' },
}
type Base = keyof typeof bases

// TryFilters shows whom the filters of the form would leave out of a real directory, before they are saved.
// refuse is told what filters are refused for.
export function TryFilters({ filters, refuse }: { filters: MessageInitShape<typeof FiltersSchema>; refuse: (failure: Failure | undefined) => void }) {
  const [directory, setDirectory] = useState({ id: '', name: '' })
  const [base, setBase] = useState<Base>('now')
  const test = useMutation(FilterTestService.method.testFilters, { onMutate: () => refuse(undefined), onError: (error) => refuse(describe(error)) })
  const ask = () => test.mutate({ managedTenantId: directory.id, filters, fields: { given: filterLists, null: [] }, lastListing: base === 'last' })
  return (
    <Stack gap="md" role="group" aria-label="Try the filters">
      <DirectoryPicker label="Try these filters on" description="A directory that is mapped to a client. Nothing is saved." maw={360} value={directory.id} onChange={(id, name) => setDirectory({ id, name })} />
      <Stack gap={4} align="flex-start">
        <SegmentedControl
          aria-label="Whom they are tried on"
          value={base}
          onChange={(value) => {
            setBase(value as Base)
            test.reset()
            refuse(undefined)
          }}
          data={Object.entries(bases).map(([value, { label }]) => ({ value, label }))}
        />
        <Input.Description>{bases[base].about}</Input.Description>
      </Stack>
      <Button variant="light" style={{ alignSelf: 'flex-start' }} disabled={directory.id === ''} loading={test.isPending} onClick={ask}>
        Try
      </Button>
      {test.isError && <Problem error={test.error} title="They could not be tried" />}
      {test.data && <Outcome answer={test.data} last={base === 'last'} />}
    </Stack>
  )
}

function Outcome({ answer, last }: { answer: TestFiltersResponse; last: boolean }) {
  const [all, setAll] = useState(false)
  const changed = answer.identities.filter((identity) => identity.change !== 'left_out')
  const shown = all ? answer.identities : changed
  if (last && answer.total === 0) return <Text role="status">The last sync left nobody out, and nobody of this directory waits in the review queue: no filter changes anything.</Text>
  return (
    <Stack gap="sm">
      <Text role="status">
        Of {counted(answer.total, 'person', 'people')}
        {last && ' about whom filters decide'}
        {answer.moreUsers && ' (the first ones)'}
        {answer.linked > 0 && `, of whom ${count(answer.linked)} stay linked`}: <Difference of={answer} />
      </Text>
      {answer.leftOut > 0 && (
        <Button variant="subtle" size="xs" px={0} style={{ alignSelf: 'flex-start' }} onClick={() => setAll(!all)}>
          {all ? 'Only those for whom something changes' : 'Show those who stay left out, too'}
        </Button>
      )}
      {shown.length > 0 && (
        <Rows label="People and filters" head={['Person', 'Change', 'Now', 'With these']}>
          {shown.slice(0, 200).map((identity) => (
            <Tested key={identity.entraObjectId} identity={identity} />
          ))}
        </Rows>
      )}
      {shown.length > 200 && (
        <Text size="sm" c="dimmed">
          and {count(shown.length - 200)} more
        </Text>
      )}
    </Stack>
  )
}

// Difference is what the filters change, without what they do to nobody.
function Difference({ of: { dropped, added, leftOut } }: { of: TestFiltersResponse }) {
  if (dropped + added + leftOut === 0) return 'nothing would change.'
  return (
    <>
      {dropped + added === 0 && 'nothing would change'}
      {dropped > 0 && (
        <>
          <b>{count(dropped)} would be left out</b> who {dropped === 1 ? 'comes' : 'come'} now
        </>
      )}
      {dropped > 0 && added > 0 && ', '}
      {added > 0 && (
        <>
          <b>{count(added)} would come</b> who {added === 1 ? 'is' : 'are'} left out now
        </>
      )}
      {leftOut > 0 && `, ${count(leftOut)} ${leftOut === 1 ? 'stays' : 'stay'} left out`}.
    </>
  )
}

const changes: Record<string, { text: string; tone: Tone }> = {
  dropped: { text: 'Would be left out', tone: 'warn' },
  added: { text: 'Would come', tone: 'good' },
  left_out: { text: 'Stays left out', tone: 'quiet' },
}

function Tested({ identity }: { identity: TestedIdentity }) {
  return (
    <Table.Tr>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>
        <Text fw={600} dir="auto">
          {identity.displayName || 'No name'}
        </Text>
        <Text size="sm" c="dimmed">
          <Address of={identity.userPrincipalName} />
        </Text>
      </Table.Td>
      <Table.Td>
        <State {...(changes[identity.change] ?? { text: identity.change, tone: 'quiet' })} />
      </Table.Td>
      <Table.Td>
        <Verdict verdict={identity.now} />
      </Table.Td>
      <Table.Td>
        <Verdict verdict={identity.then} />
      </Table.Td>
    </Table.Tr>
  )
}

function Verdict({ verdict }: { verdict: FilterVerdict | undefined }) {
  if (!verdict?.reason) return 'Comes'
  return (
    <>
      {filterReason(verdict.reason)}
      {verdict.pattern && (
        <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          Pattern: {verdict.pattern}
        </Text>
      )}
    </>
  )
}
