import { Button, Group, Kbd, Stack, Text, Textarea } from '@mantine/core'
import { useState } from 'react'

import { useMayChange } from '../../api/flags'
import type { QueueItem } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { Dialog, DialogButtons } from '../../ui/dialog'
import { Problem } from '../../ui/states'
import { OtherContact } from './other'
import type { Resolve } from './resolve'

// Asking is what is open beside the buttons: the box for another contact, or the reason of a dismissal.
export type Asking = '' | 'other' | 'dismiss'

// Decide offers what does not choose one of the candidates: another contact, one of its own, or none.
export function Decide({ item, resolve, asking, ask }: { item: QueueItem; resolve: Resolve; asking: Asking; ask: (what: Asking) => void }) {
  const mayChange = useMayChange()
  if (!mayChange) return null
  return (
    <Stack gap="sm">
      {asking === 'other' && <OtherContact clientId={item.clientId} pending={resolve.pending !== ''} pick={resolve.link} />}
      <Group gap="sm">
        <Button variant="light" loading={resolve.pending === 'create'} onClick={resolve.create} rightSection={<Kbd size="xs">n</Kbd>}>
          Create a new contact
        </Button>
        {asking !== 'other' && (
          <Button variant="default" onClick={() => ask('other')} rightSection={<Kbd size="xs">o</Kbd>}>
            Another contact of this client…
          </Button>
        )}
        <Button variant="default" onClick={() => ask('dismiss')} rightSection={<Kbd size="xs">d</Kbd>}>
          Dismiss
        </Button>
      </Group>
      {resolve.error !== undefined && asking !== 'dismiss' && <Problem error={resolve.error} title="Nothing was written" />}
      {asking === 'dismiss' && <Dismiss resolve={resolve} close={() => ask('')} />}
    </Stack>
  )
}

function Dismiss({ resolve, close }: { resolve: Resolve; close: () => void }) {
  const [reason, setReason] = useState('')
  return (
    <Dialog onClose={close} title="Dismiss without a contact?">
      <Stack>
        <Text>The account stays without a contact. It comes back only when what made it doubtful changes.</Text>
        <Textarea label="Why" placeholder="A room, a test account, …" required data-autofocus value={reason} onChange={(event) => setReason(event.currentTarget.value)} maxLength={1000} />
        {resolve.error !== undefined && <Problem error={resolve.error} title="Nothing was written" />}
        <DialogButtons close={close}>
          <Button loading={resolve.pending === 'dismiss'} disabled={reason.trim() === ''} onClick={() => resolve.dismiss(reason.trim())}>
            Dismiss
          </Button>
        </DialogButtons>
      </Stack>
    </Dialog>
  )
}
