import { Group, Stack, Text, Title } from '@mantine/core'

import { useMayChange } from '../../api/flags'
import { useClientName, useTenants } from '../../api/names'
import type { QueueItem } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { addressText } from '../../ui/domain'
import { TextLink } from '../../ui/link'
import { State } from '../../ui/states'
import { Time } from '../../ui/time'
import { count, queueReason, queueStatus } from '../../ui/words'
import { Compare } from './compare'
import { Decide, type Asking } from './decide'
import { Peers } from './peers'
import type { Resolve } from './resolve'
import { Suggested } from './suggested'
import { Undo } from './undo'

// Detail is one person of the queue: why the sync could not decide, the account beside the contacts,
// and what can be decided.
export function Detail({ item, resolve, asking, ask, undone }: { item: QueueItem; resolve: Resolve; asking: Asking; ask: (what: Asking) => void; undone: (item: QueueItem) => void }) {
  const client = useClientName(item.clientId)
  const tenants = useTenants()
  const mayAsk = useMayChange()
  const reason = queueReason(item.reason)
  const free = item.candidates.filter((candidate) => !candidate.linkedTo).length
  return (
    <Stack className="card" p="lg" gap="md" component="section" aria-label="The person and the candidates" data-item={item.itemId}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Title order={2} size="h4" dir="auto" style={{ overflowWrap: 'anywhere' }}>
            {item.displayName || addressText(item.userPrincipalName) || 'No name'}
          </Title>
          <Text size="sm" c="dimmed">
            <bdi>{tenants.data?.get(item.managedTenantId)?.displayName ?? 'A directory'}</bdi>, mapped to{' '}
            <TextLink to="/clients/$clientId" params={{ clientId: item.clientId }} size="sm">
              <bdi>{client || 'its client'}</bdi>
            </TextLink>{' '}
            · found <Time at={item.createdAt} />
          </Text>
        </div>
        <State {...queueStatus(item.decisionPending ? 'deciding' : item.status)} />
      </Group>
      <div>
        <Text fw={600}>{reason.title}</Text>
        <Text>
          {reason.text} {item.candidates.length === 0 ? 'No contact of the client fits.' : free === 0 ? 'None of the contacts is free.' : free < item.candidates.length ? `${count(free)} of ${count(item.candidates.length)} contacts ${free === 1 ? 'is' : 'are'} free.` : ''}{' '}
          {mayAsk && (
            <TextLink to="/integrations/entra/explain" search={{ q: item.displayName || item.userPrincipalName, directory: item.managedTenantId, id: item.entraObjectId }}>
              See why, with every address of the account
            </TextLink>
          )}
        </Text>
      </div>
      {item.decidedAt && (
        <Text size="sm" c="dimmed">
          Decided by {item.decidedBy || 'somebody'} <Time at={item.decidedAt} />
          {item.decisionReason && <>: <bdi>{item.decisionReason}</bdi></>}
        </Text>
      )}
      <Undo item={item} undone={undone} />
      <Suggested item={item} resolve={resolve} ask={ask} />
      <Compare item={item} resolve={resolve} />
      <Peers peers={item.peers} />
      {item.status === 'open' && !item.decisionPending && <Decide item={item} resolve={resolve} asking={asking} ask={ask} />}
    </Stack>
  )
}
