import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'

import { useMayChange } from '../../api/flags'
import { useAskAgain } from '../../api/invalidate'
import { DecisionService } from '../../gen/entrasync/reconciliation/v1/decision_pb'
import type { Candidate, QueueItem } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { Problem } from '../../ui/states'
import { OtherContact } from './other'

// Decided is called with what was decided, in words.
export type Decided = (text: string) => void

function nameOf(item: QueueItem): string {
  return item.displayName || item.userPrincipalName || 'The account'
}

// LinkTo says that the account belongs to this contact.
export function LinkTo({ item, candidate, decided }: { item: QueueItem; candidate: Candidate; decided: Decided }) {
  const mayChange = useMayChange()
  const askAgain = useAskAgain()
  const link = useMutation(DecisionService.method.resolveToExisting, {
    onSuccess: () => {
      decided(`${nameOf(item)} is linked to ${candidate.fullName || candidate.email}.`)
      return askAgain()
    },
  })
  if (!mayChange) return null
  return (
    <Stack gap="xs" align="flex-end">
      <Button size="xs" loading={link.isPending} onClick={() => link.mutate({ itemId: item.itemId, contactId: candidate.contactId })} aria-label={`It is this one: ${candidate.fullName}`}>
        It is this one
      </Button>
      {link.isError && <Problem error={link.error} title="Nothing was written" />}
    </Stack>
  )
}

// Decide offers what does not choose one of the candidates: a contact of its own, or none.
export function Decide({ item, decided }: { item: QueueItem; decided: Decided }) {
  const mayChange = useMayChange()
  const askAgain = useAskAgain()
  const [opened, { open, close }] = useDisclosure()
  const [reason, setReason] = useState('')
  const told = (text: string) => () => {
    decided(text)
    return askAgain()
  }
  const create = useMutation(DecisionService.method.resolveToNew, { onSuccess: told(`${nameOf(item)} has a contact of its own.`) })
  const dismiss = useMutation(DecisionService.method.dismissItem, { onSuccess: told(`${nameOf(item)} was dismissed.`) })
  const link = useMutation(DecisionService.method.resolveToExisting)
  if (!mayChange) return null
  return (
    <Stack gap="sm">
      <OtherContact clientId={item.clientId} pending={link.isPending} pick={(contactId, name) => link.mutate({ itemId: item.itemId, contactId }, { onSuccess: told(`${nameOf(item)} is linked to ${name}.`) })} />
      {link.isError && <Problem error={link.error} title="Nothing was written" />}
      <Group gap="sm">
        <Button variant="light" loading={create.isPending} onClick={() => create.mutate({ itemId: item.itemId })}>
          Create a new contact
        </Button>
        <Button variant="default" onClick={open}>
          Dismiss
        </Button>
      </Group>
      {create.isError && <Problem error={create.error} title="Nothing was written" />}
      <Modal opened={opened} onClose={close} title="Dismiss without a contact?">
        <Stack>
          <Text>The account stays without a contact. It comes back only when what made it doubtful changes.</Text>
          <Textarea label="Why" placeholder="A room, a test account, …" required data-autofocus value={reason} onChange={(event) => setReason(event.currentTarget.value)} maxLength={1000} />
          {dismiss.isError && <Problem error={dismiss.error} title="Nothing was written" />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Back
            </Button>
            <Button loading={dismiss.isPending} disabled={reason.trim() === ''} onClick={() => dismiss.mutate({ itemId: item.itemId, reason: reason.trim() })}>
              Dismiss
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Stack>
  )
}
