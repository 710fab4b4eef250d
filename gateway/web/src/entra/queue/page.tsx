import { useInfiniteQuery, useQuery } from '@connectrpc/connect-query'
import { Alert, Badge, Button, Group, Select, SimpleGrid, Stack, Text, Title, UnstyledButton } from '@mantine/core'
import { useSearch } from '@tanstack/react-router'
import { useState, type KeyboardEvent } from 'react'

import { useClientName, useTenants } from '../../api/names'
import { DecisionService } from '../../gen/entrasync/reconciliation/v1/decision_pb'
import { ReconciliationService, type Candidate, type QueueItem } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { Icon } from '../../ui/icon'
import { TextLink } from '../../ui/link'
import { Empty, Loading, Page, Problem, State } from '../../ui/states'
import { Time } from '../../ui/time'
import { count, counted, queueReason, queueStatus } from '../../ui/words'
import { Decide, LinkTo, type Decided } from './decide'

const reasons = ['multiple_email_matches', 'contact_already_linked', 'duplicate_identity_email', 'email_in_use_elsewhere', 'alias_match', 'contact_deleted']
const statuses = ['open', 'resolved', 'dismissed', 'superseded']

// QueuePage shows what only a person can decide: the account on one side, the contacts it may belong
// to on the other.
export function QueuePage() {
  const [reason, setReason] = useState('')
  const [status, setStatus] = useState('open')
  const search = useSearch({ from: '/integrations/entra/queue/queue' })
  const [chosen, setChosen] = useState(search.item ?? '')
  const [told, setTold] = useState('')
  const items = useInfiniteQuery(ReconciliationService.method.listQueueItems, { reason, status, pageSize: 50, pageToken: '' }, {
    pageParamKey: 'pageToken',
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  const loaded = items.data?.pages.flatMap((page) => page.items) ?? []
  // An item that the address names may stand on a page that is not loaded.
  const named = useQuery(DecisionService.method.getQueueItem, { itemId: search.item ?? '' }, { enabled: search.item !== undefined })
  const extra = named.data?.item
  const list = extra && extra.status === status && !loaded.some((item) => item.itemId === extra.itemId) ? [extra, ...loaded] : loaded
  const total = items.data?.pages[0]?.totalSize
  const at = Math.max(0, list.findIndex((item) => item.itemId === chosen))
  const item = list[at]
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' || event.key === 'k' ? -1 : 0
    const next = list[at + step]
    if (step === 0 || !next) return
    event.preventDefault()
    setChosen(next.itemId)
    document.getElementById(`item-${next.itemId}`)?.focus()
  }
  return (
    <Page title="Review queue" about="People about whom the sync could not decide. Nothing is written for them until you do.">
      <Group align="flex-end">
        <Select label="State" allowDeselect={false} data={statuses.map((value) => ({ value, label: queueStatus(value).text }))} value={status} onChange={(value) => setStatus(value ?? 'open')} />
        <Select label="Why" placeholder="Every reason" clearable w={300} data={reasons.map((value) => ({ value, label: queueReason(value).title }))} value={reason || null} onChange={(value) => setReason(value ?? '')} />
        {total !== undefined && (
          <Text c="dimmed" pb={8}>
            {counted(total, 'person', 'people')}
          </Text>
        )}
      </Group>
      {told !== '' && (
        <Alert role="status" color="teal" icon={<Icon name="check" />} withCloseButton closeButtonLabel="Close" onClose={() => setTold('')}>
          <span dir="auto">{told}</span>
        </Alert>
      )}
      {items.isPending ? (
        <Loading lines={8} />
      ) : items.isError ? (
        <Problem error={items.error} again={() => void items.refetch()} />
      ) : !item ? (
        <div className="card">
          <Empty icon="check" title={status === 'open' ? 'Nobody waits for you' : 'Nobody'}>
            {status === 'open' ? 'What a sync cannot decide by itself appears here.' : 'Choose another state or reason.'}
          </Empty>
        </div>
      ) : (
        <SimpleGrid cols={{ base: 1, md: 2 }} style={{ alignItems: 'start' }}>
          <Stack gap="sm">
          <Stack className="card" gap={0} style={{ maxHeight: '72vh', overflow: 'auto' }} role="listbox" aria-label="People to decide about" tabIndex={0} onKeyDown={move}>
            {list.map((each, i) => (
              <Entry key={each.itemId} item={each} selected={i === at} choose={() => setChosen(each.itemId)} />
            ))}
          </Stack>
            {items.hasNextPage && (
              <Button variant="default" onClick={() => void items.fetchNextPage()} loading={items.isFetchingNextPage}>
                Show more
              </Button>
            )}
          </Stack>
          <Detail item={item} key={item.itemId} decided={(text) => {
              setTold(text)
              setChosen(list[at + 1]?.itemId ?? list[at - 1]?.itemId ?? '')
            }}
          />
        </SimpleGrid>
      )}
    </Page>
  )
}

function Entry({ item, selected, choose }: { item: QueueItem; selected: boolean; choose: () => void }) {
  return (
    <UnstyledButton id={`item-${item.itemId}`} role="option" aria-selected={selected} onClick={choose} className="clickable" px="md" py="sm" style={{ borderBottom: '1px solid var(--line)', background: selected ? 'var(--hover)' : undefined, borderInlineStart: selected ? '3px solid var(--mantine-primary-color-filled)' : '3px solid transparent' }}>
      <Text fw={600} dir="auto" truncate>
        {item.displayName || 'No name'}
      </Text>
      <Text size="sm" c="dimmed" truncate>
        {item.email || item.userPrincipalName}
      </Text>
      <Text size="sm">{queueReason(item.reason).title}</Text>
    </UnstyledButton>
  )
}

function Detail({ item, decided }: { item: QueueItem; decided: Decided }) {
  const client = useClientName(item.clientId)
  const tenants = useTenants()
  const reason = queueReason(item.reason)
  return (
    <Stack className="card" p="lg" gap="md" component="section" aria-label="The person and the candidates" style={{ position: 'sticky', top: 72 }}>
      <Group justify="space-between">
        <Title order={2} size="h4">
          {reason.title}
        </Title>
        <State {...queueStatus(item.status)} />
      </Group>
      <Text>{reason.text}</Text>
      <Stack gap={2}>
        <Text size="sm" c="dimmed" fw={600}>
          The account in Microsoft Entra
        </Text>
        <Text fw={600} size="lg" dir="auto">
          {item.displayName || 'No name'}
        </Text>
        <Text style={{ overflowWrap: 'anywhere' }}>{item.email}</Text>
        {item.userPrincipalName.toLowerCase() !== item.email.toLowerCase() && (
          <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            signs in as {item.userPrincipalName}
          </Text>
        )}
        <Text size="sm" c="dimmed">
          {tenants.data?.get(item.managedTenantId)?.displayName ?? 'A directory'}, mapped to{' '}
          <TextLink to="/clients/$clientId" params={{ clientId: item.clientId }} size="sm">
            {client || 'its client'}
          </TextLink>{' '}
          · waits since <Time at={item.createdAt} />
        </Text>
      </Stack>
      <Stack gap="xs">
        <Text size="sm" c="dimmed" fw={600}>
          {item.candidates.length === 0 ? 'No contact fits' : `${count(item.candidates.length)} ${item.candidates.length === 1 ? 'contact' : 'contacts'} it may be`}
        </Text>
        {item.candidates.map((candidate) => (
          <CandidateRow key={candidate.contactId} candidate={candidate} item={item} decided={decided} />
        ))}
      </Stack>
      {item.status === 'open' && <Decide item={item} decided={decided} />}
    </Stack>
  )
}

function CandidateRow({ candidate, item, decided }: { candidate: Candidate; item: QueueItem; decided: Decided }) {
  const sameName = candidate.fullName.trim().toLowerCase() === item.displayName.trim().toLowerCase()
  const sameAddress = candidate.email !== '' && candidate.email.toLowerCase() === item.email.toLowerCase()
  return (
    <Group justify="space-between" p="sm" gap="sm" style={{ border: '1px solid var(--line)', borderRadius: 8 }}>
      <div style={{ minWidth: 0, flex: 1 }}>
        <TextLink to="/contacts/$contactId" params={{ contactId: candidate.contactId }} fw={600}>
          {candidate.fullName || 'No name'}
        </TextLink>
        <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          {candidate.email || 'no e-mail'}
        </Text>
      </div>
      <Group gap={6}>
        {sameName && <Fact text="Same name" />}
        {sameAddress && <Fact text="Same address" />}
        {candidate.inactive && <Fact text="Inactive" />}
        {candidate.linkedTo && <Fact text="Linked to another account" />}
      </Group>
      {item.status === 'open' && !candidate.linkedTo && <LinkTo item={item} candidate={candidate} decided={decided} />}
    </Group>
  )
}

function Fact({ text }: { text: string }) {
  return (
    <Badge className="state" variant="light" color="gray" tt="none" fw={500}>
      {text}
    </Badge>
  )
}
