import { useMutation } from '@connectrpc/connect-query'
import { Button, Checkbox, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { useState, type FormEvent } from 'react'

import { describe } from '../api/failure'
import { useAskAgain } from '../api/invalidate'
import { WebhookService, type Webhook } from '../gen/entrasync/gateway/v1/webhook_pb'
import { Dialog, DialogButtons } from '../ui/dialog'
import { Problem } from '../ui/states'
import { events } from './words'

// WebhookForm makes a webhook, or changes what one is told.
export function WebhookForm({ webhook, close, saved }: { webhook?: Webhook; close: () => void; saved: (secret: string | undefined) => void }) {
  const askAgain = useAskAgain()
  const [url, setURL] = useState(webhook?.url ?? '')
  const [chosen, setChosen] = useState(webhook?.events ?? events.map((event) => event.value))
  const put = useMutation(WebhookService.method.putWebhook, {
    onSuccess: (answer) => {
      saved(answer.secret)
      return askAgain()
    },
  })
  const wrong = put.isError ? describe(put.error).violations.find((violation) => violation.field === 'url')?.message : undefined
  const submit = (event: FormEvent) => {
    event.preventDefault()
    put.mutate({ url: url.trim(), events: chosen, disabled: webhook?.state === 'disabled' })
  }
  return (
    <Dialog onClose={close} title={webhook ? 'What it is told' : 'Add a webhook'} size="lg">
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="Address" description="https, and reachable from the internet." placeholder="https://psa.example/hooks/entrasync" required data-autofocus={!webhook} readOnly={webhook !== undefined} type="url" value={url} error={wrong} onChange={(event) => setURL(event.currentTarget.value)} />
          <Checkbox.Group label="What it is told" value={chosen} onChange={setChosen} required>
            <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs" mt="xs">
              {events.map((event) => (
                <Checkbox key={event.value} value={event.value} label={event.label} />
              ))}
            </SimpleGrid>
          </Checkbox.Group>
          {put.isError && wrong === undefined && <Problem error={put.error} title="Nothing was saved" />}
          <DialogButtons close={close}>
            <Button type="submit" loading={put.isPending} disabled={chosen.length === 0 || url.trim() === ''}>
              {webhook ? 'Save' : 'Add it'}
            </Button>
          </DialogButtons>
        </Stack>
      </form>
    </Dialog>
  )
}
