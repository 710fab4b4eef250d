import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { useMutation } from '@connectrpc/connect-query'
import { ActionIcon, Alert, Button, Group, Menu, Select, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'

import { useAskAgain } from '../api/invalidate'
import { WebhookService, type Webhook } from '../gen/entrasync/gateway/v1/webhook_pb'
import { Dialog, DialogButtons } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { Problem, State } from '../ui/states'
import { Time } from '../ui/time'
import { Deliveries } from './deliveries'
import { WebhookForm } from './form'
import { deliveryError, toldOf, webhookState } from './words'

type Asking = 'change' | 'rotate' | 'replay' | 'delete' | 'log'

// Endpoint is one webhook with what one does about it.
export function Endpoint({ webhook, showSecret }: { webhook: Webhook; showSecret: (secret: string) => void }) {
  const askAgain = useAskAgain()
  const [asking, setAsking] = useState<Asking>()
  const [sent, setSent] = useState('')
  const close = () => setAsking(undefined)
  const test = useMutation(WebhookService.method.testWebhook, { onSuccess: () => askAgain() })
  const put = useMutation(WebhookService.method.putWebhook, { onSuccess: () => askAgain() })
  const { about, ...state } = webhookState(webhook)
  const off = webhook.state === 'disabled'
  return (
    <Stack className="card" p="lg" gap="sm" component="section" aria-label={webhook.url}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Title order={2} size="h5" style={{ overflowWrap: 'anywhere' }}>
            {webhook.url}
          </Title>
          <Text size="sm" c="dimmed">
            {toldOf(webhook.events)}
          </Text>
        </div>
        <State {...state} />
      </Group>
      {about && <Text size="sm">{about}</Text>}
      {webhook.failingSince && (
        <Text size="sm" c="dimmed">
          Stopped answering <Time at={webhook.failingSince} />
          {webhook.nextAttemptAt && (
            <>
              , next try <Time at={webhook.nextAttemptAt} />
            </>
          )}
        </Text>
      )}
      {webhook.oldSecretUntil && (
        <Text size="sm" c="dimmed">
          The secret before signs too until <Time at={webhook.oldSecretUntil} />
        </Text>
      )}
      <Group gap="sm">
        <Button size="xs" variant="light" loading={test.isPending} onClick={() => test.mutate({ id: webhook.id })} aria-label={`Test ${webhook.url}`}>
          Test
        </Button>
        <Button size="xs" variant="default" onClick={() => setAsking('log')} aria-label={`Deliveries to ${webhook.url}`}>
          Deliveries
        </Button>
        {off && (
          <Button size="xs" variant="default" loading={put.isPending} onClick={() => put.mutate({ url: webhook.url, events: webhook.events })}>
            Switch on
          </Button>
        )}
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="default" size={30} aria-label={`More for ${webhook.url}`}>
              <Icon name="down" size={14} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setAsking('change')}>Change what it is told</Menu.Item>
            <Menu.Item onClick={() => setAsking('replay')}>Send again…</Menu.Item>
            <Menu.Item onClick={() => setAsking('rotate')}>New secret…</Menu.Item>
            {!off && <Menu.Item onClick={() => put.mutate({ url: webhook.url, events: webhook.events, disabled: true })}>Switch off</Menu.Item>}
            <Menu.Divider />
            <Menu.Item onClick={() => setAsking('delete')}>Delete…</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Group>
      {test.isError && <Problem error={test.error} title="It was not tested" />}
      {put.isError && <Problem error={put.error} title="Nothing was saved" />}
      {test.data && (
        <Alert role="status" color={test.data.delivered ? 'teal' : 'orange'} icon={<Icon name={test.data.delivered ? 'check' : 'warning'} />}>
          {test.data.delivered ? 'The test arrived.' : `The test did not arrive. ${deliveryError(test.data.error, test.data.status)}.`}
        </Alert>
      )}
      {sent !== '' && (
        <Alert role="status" color="teal" icon={<Icon name="check" />} withCloseButton closeButtonLabel="Close" onClose={() => setSent('')}>
          What happened in {sent} is sent again; the deliveries say how that goes.
        </Alert>
      )}
      {asking === 'log' && <Deliveries webhook={webhook} close={close} />}
      {asking === 'change' && <WebhookForm webhook={webhook} close={close} saved={close} />}
      {asking === 'rotate' && <Rotate webhook={webhook} close={close} showSecret={showSecret} />}
      {asking === 'replay' && <Replay webhook={webhook} close={close} sent={setSent} />}
      {asking === 'delete' && <Delete webhook={webhook} close={close} />}
    </Stack>
  )
}

function Rotate({ webhook, close, showSecret }: { webhook: Webhook; close: () => void; showSecret: (secret: string) => void }) {
  const askAgain = useAskAgain()
  const put = useMutation(WebhookService.method.putWebhook, {
    onSuccess: (answer) => {
      close()
      showSecret(answer.secret ?? '')
      return askAgain()
    },
  })
  return (
    <Dialog onClose={close} title="Make a new secret?">
      <Stack>
        <Text>Messages are signed with both secrets for 24 hours, so that your application can change over in between.</Text>
        {put.isError && <Problem error={put.error} title="Nothing was changed" />}
        <DialogButtons close={close}>
          <Button data-autofocus loading={put.isPending} onClick={() => put.mutate({ url: webhook.url, events: webhook.events, disabled: webhook.state === 'disabled', rotateSecret: true })}>
            Make it
          </Button>
        </DialogButtons>
      </Stack>
    </Dialog>
  )
}

const spans = [
  { value: '1', label: 'the last hour' },
  { value: '24', label: 'the last day' },
  { value: '168', label: 'the last week' },
  { value: '720', label: 'the last 30 days' },
]

function Replay({ webhook, close, sent }: { webhook: Webhook; close: () => void; sent: (span: string) => void }) {
  const askAgain = useAskAgain()
  const [hours, setHours] = useState('24')
  const replay = useMutation(WebhookService.method.replayWebhook, {
    onSuccess: () => {
      sent(spans.find((span) => span.value === hours)?.label ?? '')
      close()
      return askAgain()
    },
  })
  return (
    <Dialog onClose={close} title="Send again what happened?">
      <Stack>
        <Text>Messages have the same id as before, by which your application knows them again.</Text>
        <Select label="What happened in" data={spans} value={hours} allowDeselect={false} onChange={(value) => setHours(value ?? '24')} data-autofocus />
        {replay.isError && <Problem error={replay.error} title="Nothing is sent" />}
        <DialogButtons close={close}>
          <Button loading={replay.isPending} onClick={() => replay.mutate({ id: webhook.id, since: timestampFromDate(new Date(Date.now() - Number(hours) * 3_600_000)) })}>
            Send again
          </Button>
        </DialogButtons>
      </Stack>
    </Dialog>
  )
}

function Delete({ webhook, close }: { webhook: Webhook; close: () => void }) {
  const askAgain = useAskAgain()
  const remove = useMutation(WebhookService.method.deleteWebhook, {
    onSuccess: () => {
      close()
      return askAgain()
    },
  })
  return (
    <Dialog onClose={close} title="Delete this webhook?">
      <Stack>
        <Text style={{ overflowWrap: 'anywhere' }}>{webhook.url} is told nothing more, and its deliveries are forgotten.</Text>
        {remove.isError && <Problem error={remove.error} title="It was not deleted" />}
        <DialogButtons close={close} back="Keep it" focused>
          <Button color="red.9" loading={remove.isPending} onClick={() => remove.mutate({ id: webhook.id })}>
            Delete
          </Button>
        </DialogButtons>
      </Stack>
    </Dialog>
  )
}
