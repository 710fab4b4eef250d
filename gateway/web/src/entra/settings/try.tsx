import type { MessageInitShape } from '@bufbuild/protobuf'
import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, Stack, Table, Text } from '@mantine/core'
import { useState } from 'react'

import type { FiltersSchema } from '../../gen/entrasync/syncengine/v1/settings_pb'
import { FilterTestService, type FilterVerdict, type TestedIdentity, type TestFiltersResponse } from '../../gen/entrasync/syncengine/v1/test_filters_pb'
import { DirectoryPicker } from '../../ui/directory'
import { addressText } from '../../ui/domain'
import { Rows } from '../../ui/list'
import { Problem, State } from '../../ui/states'
import { count, counted, filterReason, type Tone } from '../../ui/words'
import { filterLists } from './draft'

// TryFilters shows whom the filters of the form would leave out of a real directory, before they are saved.
export function TryFilters({ filters }: { filters: MessageInitShape<typeof FiltersSchema> }) {
  const [directory, setDirectory] = useState({ id: '', name: '' })
  const test = useMutation(FilterTestService.method.testFilters)
  return (
    <Stack gap="md" role="group" aria-label="Try the filters">
      <Group align="flex-end">
        <DirectoryPicker label="Try these filters on" description="The people of this directory as they are now. Nothing is saved." w={{ base: '100%', sm: 360 }} value={directory.id} onChange={(id, name) => setDirectory({ id, name })} />
        <Button variant="light" disabled={directory.id === ''} loading={test.isPending} onClick={() => test.mutate({ managedTenantId: directory.id, filters, fields: { given: filterLists, null: [] } })}>
          Try
        </Button>
      </Group>
      {test.isError && <Problem error={test.error} title="They could not be tried" />}
      {test.data && <Outcome answer={test.data} />}
    </Stack>
  )
}

function Outcome({ answer }: { answer: TestFiltersResponse }) {
  const [all, setAll] = useState(false)
  const changed = answer.identities.filter((identity) => identity.change !== 'left_out')
  const shown = all ? answer.identities : changed
  return (
    <Stack gap="sm">
      <Text role="status">
        Of {counted(answer.total, 'person', 'people')}
        {answer.moreUsers && ' (the first ones of the directory)'}: <b>{count(answer.dropped)} would be left out</b> who come now, <b>{count(answer.added)} would come</b> who are left out now, {count(answer.leftOut)} stay left out.
      </Text>
      {answer.leftOut > 0 && (
        <Button variant="subtle" size="xs" style={{ alignSelf: 'flex-start' }} onClick={() => setAll(!all)}>
          {all ? 'Only those for whom something changes' : 'Show those who stay left out, too'}
        </Button>
      )}
      {shown.length > 0 && (
        <Rows label="People and filters" head={['Person', 'Change', 'Now', 'With these filters']}>
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
          {addressText(identity.userPrincipalName)}
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
