import { useInfiniteQuery, useMutation } from '@connectrpc/connect-query'
import { Box, Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'

import { useMayChange } from '../../api/flags'
import { useAskAgain } from '../../api/invalidate'
import { ReportService } from '../../gen/entrasync/syncengine/v1/report_pb'
import type { Held, Run, TenantResult } from '../../gen/entrasync/syncengine/v1/run_pb'
import { DialogButtons } from '../../ui/dialog'
import { Icon } from '../../ui/icon'
import { TextLink } from '../../ui/link'
import { Address } from '../../ui/names'
import { Loading, Problem } from '../../ui/states'
import { Time } from '../../ui/time'
import { count, counted, heldReason, inactiveReason, runState, type Tone } from '../../ui/words'

// heldState says whether what was held in these results of a run waits for a person, or what one decided.
// Nobody decides about a preview.
export function heldState(run: Run, results: TenantResult[]): { text: string; tone: Tone } {
  const held = results.filter((result) => result.state === 'held')
  if (run.dryRun || held.length === 0) return runState('held')
  if (held.some((result) => !result.held?.decision)) return { text: 'Held for you', tone: 'warn' }
  if (held.every((result) => result.held?.decision === 'approve')) return { text: 'Approved', tone: 'good' }
  return held.every((result) => result.held?.decision === 'reject') ? { text: 'Rejected', tone: 'quiet' } : { text: 'Decided', tone: 'quiet' }
}

// HeldBack says what a guard kept a sync from doing, about whom, and lets a person decide.
export function HeldBack({ run, result, held, directory }: { run: Run; result: TenantResult; held: Held; directory: string }) {
  const reason = heldReason(held.reason)
  return (
    <Box p="md" style={{ border: '1px solid var(--line)', borderRadius: 8 }} component="section" aria-label={`Held back: ${directory}`}>
      <Stack gap="md">
        <Group wrap="nowrap" align="flex-start" gap="sm">
          <Text c="orange" component="span" lh={0} pt={2}>
            <Icon name="warning" />
          </Text>
          <Stack gap={0}>
            <Text fw={600}>
              {reason.title}: {counted(held.count, 'person', 'people')}
            </Text>
            <Text size="sm">{run.dryRun ? 'A sync would stop here and ask.' : reason.text}</Text>
          </Stack>
        </Group>
        {held.reason === 'mass_inactivation' && <Concerned run={run} result={result} />}
        {held.decision ? <Decided held={held} /> : !run.dryRun && <Decide run={run} result={result} held={held} directory={directory} />}
      </Stack>
    </Box>
  )
}

// Concerned lists the people who would become inactive.
function Concerned({ run, result }: { run: Run; result: TenantResult }) {
  const people = useInfiniteQuery(
    ReportService.method.listRunIdentities,
    { runId: run.runId, managedTenantId: result.managedTenantId, outcome: 'held', pageSize: 20, pageToken: '' },
    { pageParamKey: 'pageToken', getNextPageParam: (page) => page.nextPageToken || undefined },
  )
  if (people.isPending) return <Loading lines={3} />
  if (people.isError) return <Problem error={people.error} again={() => void people.refetch()} />
  const list = people.data.pages.flatMap((page) => page.identities)
  const rest = (people.data.pages[0]?.totalSize ?? list.length) - list.length
  // What is the same for all is said once.
  const reasons = [...new Set(list.map((identity) => identity.reason ?? ''))]
  const ofAll = reasons.length === 1 ? reasons[0] : ''
  return (
    <Stack gap="xs">
      <div>
        <Text size="sm" fw={600}>
          Who would become inactive
        </Text>
        {ofAll && (
          <Text size="sm" c="dimmed">
            Of each: {lowerFirst(inactiveReason(ofAll))}
          </Text>
        )}
      </div>
      <ul className="people">
        {list.map((identity) => (
          <li key={identity.entraObjectId}>
            <Text size="sm" component="span" fw={600} dir="auto">
              {identity.displayName || identity.userPrincipalName || 'No name'}
            </Text>
            <Text size="sm" component="span" c="dimmed">
              <Address of={identity.userPrincipalName} />
              {identity.reason && ofAll === '' && ` · ${inactiveReason(identity.reason)}`}
            </Text>
          </li>
        ))}
      </ul>
      {people.hasNextPage && (
        <Button variant="subtle" size="xs" onClick={() => void people.fetchNextPage()} loading={people.isFetchingNextPage} style={{ alignSelf: 'flex-start' }}>
          Show more of {count(Math.max(rest, 1))} others
        </Button>
      )}
    </Stack>
  )
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function Decided({ held }: { held: Held }) {
  const approved = held.decision === 'approve'
  return (
    <Text size="sm">
      <b>{approved ? 'Approved' : 'Rejected'}</b> by {held.decidedBy || 'a person'} <Time at={held.decidedAt} />.{' '}
      {approved ? (
        held.startedRunId && (
          <TextLink to="/integrations/entra/runs/$runId" params={{ runId: held.startedRunId }} size="sm">
            The run that carries it out
          </TextLink>
        )
      ) : (
        'They stay active until Microsoft changes them again.'
      )}
    </Text>
  )
}

const outcomes: Record<string, { approve: string; reject: string }> = {
  mass_inactivation: {
    approve: 'A run starts that makes those of them inactive who are still gone or disabled. Nobody is deleted.',
    reject: 'All of them stay active until Microsoft changes them again.',
  },
  empty_directory: {
    approve: 'The directory is read again, and what is then found is written, also if it is still empty.',
    reject: 'Everybody stays active. The next sync looks again.',
  },
  filter_drops_all: {
    approve: 'The directory is read again and synced with these filters, also if nobody is left.',
    reject: 'Everybody stays as they are. Look at the filters in the settings.',
  },
}

function Decide({ run, result, held, directory }: { run: Run; result: TenantResult; held: Held; directory: string }) {
  const mayChange = useMayChange()
  const askAgain = useAskAgain()
  const [opened, { open, close }] = useDisclosure()
  const [decision, setDecision] = useState<'approve' | 'reject'>('approve')
  const decide = useMutation(ReportService.method.decideHeld, {
    onSuccess: () => {
      close()
      return askAgain()
    },
  })
  if (!mayChange) return <Text size="sm">An administrator of your organisation approves or rejects it.</Text>
  const text = (outcomes[held.reason] ?? outcomes.mass_inactivation)?.[decision]
  const choose = (next: 'approve' | 'reject') => {
    setDecision(next)
    decide.reset()
    open()
  }
  return (
    <Group gap="sm">
      <Button onClick={() => choose('approve')} aria-label={`Approve for ${directory}`}>
        Approve
      </Button>
      <Button variant="default" onClick={() => choose('reject')} aria-label={`Reject for ${directory}`}>
        Reject
      </Button>
      <Modal opened={opened} onClose={close} title={decision === 'approve' ? `Approve for ${directory}?` : `Reject for ${directory}?`}>
        <Stack>
          <Text>{text}</Text>
          {decide.isError && <Problem error={decide.error} title="Nothing was decided" />}
          <DialogButtons close={close}>
            <Button data-autofocus color={decision === 'approve' && held.reason === 'mass_inactivation' ? 'red.9' : undefined} loading={decide.isPending} onClick={() => decide.mutate({ runId: run.runId, managedTenantId: result.managedTenantId, decision, digest: held.digest })}>
              {decision === 'approve' ? (held.reason === 'mass_inactivation' ? `Make ${counted(held.count, 'person', 'people')} inactive` : 'Approve') : 'Keep them active'}
            </Button>
          </DialogButtons>
        </Stack>
      </Modal>
    </Group>
  )
}
