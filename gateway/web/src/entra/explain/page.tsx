import { useMutation } from '@connectrpc/connect-query'
import { Badge, Button, Divider, Group, Stack, Table, Text, TextInput, Title, UnstyledButton } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState, type FormEvent } from 'react'

import { describe } from '../../api/failure'
import { useMayChange } from '../../api/flags'
import { useClientName, useTenants } from '../../api/names'
import { ExplainService, type ExplainedIdentity, type ExplainResponse, type ExplainStep } from '../../gen/entrasync/syncengine/v1/explain_pb'
import { DirectoryPicker } from '../../ui/directory'
import { addressText } from '../../ui/domain'
import { Icon, type IconName } from '../../ui/icon'
import { TextLink } from '../../ui/link'
import { Empty, Loading, Page, Problem } from '../../ui/states'
import { explainedOutcome, fieldWord, stepWord } from '../../ui/words'
import { Fetched } from './fetched'

// ExplainPage tells why one person is, or is not, synced: every step of the decision, nothing written.
// Who is asked about stands in the address, so that it can be passed on.
export function ExplainPage() {
  const search = useSearch({ from: '/integrations/entra/explain' })
  const navigate = useNavigate({ from: '/integrations/entra/explain' })
  const mayChange = useMayChange()
  const [q, setQ] = useState(search.q ?? '')
  const [directory, setDirectory] = useState(search.directory ?? '')
  const explain = useMutation(ExplainService.method.explain)
  const { mutate } = explain
  useEffect(() => {
    if (search.id) mutate({ managedTenantId: search.directory ?? '', entraObjectId: search.id })
    else if (search.q) mutate({ managedTenantId: search.directory ?? '', query: search.q })
  }, [search.id, search.q, search.directory, mutate])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void navigate({ search: { q: q.trim(), directory: directory || undefined } })
  }
  if (!mayChange) {
    return (
      <Page title="Explain a person">
        <div className="card">
          <Empty icon="lock" title="You may not ask this">
            It reads what Microsoft holds of a person. An administrator of your organisation can ask.
          </Empty>
        </div>
      </Page>
    )
  }
  return (
    <Page title="Explain a person" about="Why somebody is synced, or is not: every step of the decision, as the next sync would make it. Nothing is written.">
      <Group component="form" align="flex-end" onSubmit={submit}>
        <TextInput label="Person" placeholder="Name, address, sign-in name or object id" leftSection={<Icon name="search" size={16} />} required value={q} onChange={(event) => setQ(event.currentTarget.value)} w={{ base: '100%', sm: 360 }} />
        <DirectoryPicker label="Directory" placeholder="Any; needed for people no sync has seen" clearable w={{ base: '100%', sm: 340 }} value={directory} onChange={(id) => setDirectory(id)} />
        <Button type="submit" loading={explain.isPending} disabled={q.trim() === ''}>
          Explain
        </Button>
      </Group>
      {explain.isPending ? (
        <Loading lines={6} label="Reading from Microsoft and deciding" />
      ) : explain.isError ? (
        <Failed error={explain.error} again={() => explain.variables && mutate(explain.variables)} />
      ) : explain.data?.choices.length ? (
        <Choices list={explain.data.choices} choose={(identity) => void navigate({ search: { q: identity.displayName || identity.userPrincipalName, directory: identity.managedTenantId, id: identity.entraObjectId } })} />
      ) : (
        explain.data && <Explanation answer={explain.data} />
      )}
      {explain.isIdle && (
        <div className="card">
          <Empty icon="explain" title="Nobody is asked about yet">
            Type a name, an address or a sign-in name. What Microsoft says now, the filters one by one, and what the next sync would do stand here then.
          </Empty>
        </div>
      )}
    </Page>
  )
}

function Failed({ error, again }: { error: unknown; again: () => void }) {
  if (describe(error).kind !== 'not-found' || describe(error).reason !== 'not_found') return <Problem error={error} again={again} />
  return (
    <div className="card">
      <Empty icon="search" title="Nobody is known by this">
        Somebody whom no sync has seen yet is found by the whole sign-in name, with the directory chosen.
      </Empty>
    </div>
  )
}

// The most choices that an answer holds.
const most = 20

function Choices({ list, choose }: { list: ExplainedIdentity[]; choose: (identity: ExplainedIdentity) => void }) {
  const tenants = useTenants()
  return (
    <Stack className="card" gap={0} component="section" aria-labelledby="choices">
      <Stack gap={0} p="lg">
        <Title order={2} size="h4" id="choices">
          Which of them?
        </Title>
        {list.length >= most && (
          <Text size="sm" c="dimmed">
            These are the first {most}. Type more of the name, or choose the directory.
          </Text>
        )}
      </Stack>
      {list.map((identity) => (
        <div key={`${identity.managedTenantId} ${identity.entraObjectId}`}>
          <Divider />
          <UnstyledButton className="clickable" px="lg" py="sm" w="100%" onClick={() => choose(identity)}>
            <Text fw={600} dir="auto">
              {identity.displayName || 'No name'}
            </Text>
            <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {addressText(identity.userPrincipalName)} · <bdi>{tenants.data?.get(identity.managedTenantId)?.displayName ?? 'a directory'}</bdi>
            </Text>
          </UnstyledButton>
        </div>
      ))}
    </Stack>
  )
}

function Explanation({ answer }: { answer: ExplainResponse }) {
  const tenants = useTenants()
  const client = useClientName(answer.clientId)
  const { identity } = answer
  return (
    <Stack>
      <Stack className="card" p="lg" gap="xs" component="section" aria-label="The outcome">
        <Text fw={600} size="lg" dir="auto">
          {identity?.displayName || identity?.userPrincipalName || 'No name'}
        </Text>
        {identity && (
          <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {addressText(identity.userPrincipalName)} · <bdi>{tenants.data?.get(identity.managedTenantId)?.displayName ?? 'a directory'}</bdi>
            {client && (
              <>
                {' '}
                · contacts of <bdi>{client}</bdi>
              </>
            )}
          </Text>
        )}
        <Title order={2} size="h4">
          {explainedOutcome(answer.outcome, answer.reason)}
        </Title>
        {answer.source === 'kept' && <Text size="sm">Microsoft could not be read just now: this is what the last sync saw.</Text>}
        {answer.contactId && answer.outcome !== 'created' && (
          <TextLink to="/contacts/$contactId" params={{ contactId: answer.contactId }}>
            Open the contact
          </TextLink>
        )}
      </Stack>
      <Stack className="card" p="lg" gap="sm" component="section" aria-labelledby="steps">
        <Title order={2} size="h4" id="steps">
          Step by step
        </Title>
        <ol style={{ margin: 0, padding: 0, listStyle: 'none' }}>
          {answer.steps.map((step, i) => (
            <Step key={i} step={step} />
          ))}
        </ol>
      </Stack>
      {answer.fetched && <Fetched person={answer.fetched} kept={answer.source === 'kept'} />}
      {answer.changes.length > 0 && (
        <Stack className="card" p="lg" gap="sm" component="section" aria-labelledby="changes">
          <Title order={2} size="h4" id="changes">
            What would change
          </Title>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Field</Table.Th>
                <Table.Th>Now</Table.Th>
                <Table.Th>Then</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {answer.changes.map((change) => (
                <Table.Tr key={change.field}>
                  <Table.Td>{fieldWord(change.field)}</Table.Td>
                  <Table.Td dir="auto">{change.before || 'empty'}</Table.Td>
                  <Table.Td dir="auto">{change.after || 'empty'}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Stack>
      )}
    </Stack>
  )
}

const results: Record<string, { icon: IconName; color: string; word: string }> = {
  passed: { icon: 'check', color: 'teal', word: 'Passed' },
  stopped: { icon: 'warning', color: 'orange', word: 'Ends here' },
  skipped: { icon: 'minus', color: 'gray', word: 'Not looked at' },
  noted: { icon: 'info', color: 'blue', word: 'Noted' },
}

function Step({ step }: { step: ExplainStep }) {
  const result = results[step.result] ?? { icon: 'info', color: 'gray', word: step.result }
  return (
    <Group component="li" gap="sm" py={6} align="flex-start" wrap="nowrap">
      <Text c={result.color} component="span" lh={0} pt={3}>
        <Icon name={result.icon} size={16} />
      </Text>
      <Text style={{ flex: 1, overflowWrap: 'anywhere' }} c={step.result === 'skipped' ? 'dimmed' : undefined} fw={step.result === 'stopped' ? 600 : undefined}>
        {step.result === 'skipped' ? `${stepWord(step.name)}: ${step.text.charAt(0).toLowerCase()}${step.text.slice(1)}` : step.text}
      </Text>
      <Badge className="state" variant="light" color={result.color} tt="none" fw={500}>
        {result.word}
      </Badge>
    </Group>
  )
}
