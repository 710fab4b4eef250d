import { useQuery } from '@connectrpc/connect-query'
import { Button, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'

import { useMayChange } from '../api/flags'
import { WebhookService } from '../gen/entrasync/gateway/v1/webhook_pb'
import { Icon } from '../ui/icon'
import { Empty, Loading, Page, Problem, failed } from '../ui/states'
import { WebhookForm } from './form'
import { Endpoint } from './endpoint'
import { Secret } from './secret'

// WebhooksPage lists who is told of what happens, and how that goes.
export function WebhooksPage() {
  const mayChange = useMayChange()
  if (!mayChange) {
    return (
      <Page title="Webhooks">
        <div className="card">
          <Empty icon="lock" title="You may not see the webhooks">
            They carry secrets. An administrator of your organisation looks after them.
          </Empty>
        </div>
      </Page>
    )
  }
  return <Webhooks />
}

function Webhooks() {
  const webhooks = useQuery(WebhookService.method.listWebhooks, {}, { refetchInterval: 30_000 })
  const [opened, { open, close }] = useDisclosure()
  const [secret, setSecret] = useState('')
  const list = webhooks.data?.webhooks ?? []
  return (
    <Page
      title="Webhooks"
      about="Addresses of your own application that are told what happens, each message signed."
      actions={
        <Button leftSection={<Icon name="plus" size={16} />} onClick={open}>
          Add a webhook
        </Button>
      }
    >
      {webhooks.isPending ? (
        <Loading lines={6} />
      ) : failed(webhooks) ? (
        <Problem error={webhooks.error} again={() => void webhooks.refetch()} />
      ) : list.length === 0 ? (
        <div className="card">
          <Empty icon="webhooks" title="Nobody is told yet">
            Add the address of your application. It is told of contacts that change and of syncs that end, as they do.
          </Empty>
        </div>
      ) : (
        <Stack>
          {list.map((webhook) => (
            <Endpoint key={webhook.id} webhook={webhook} showSecret={setSecret} />
          ))}
        </Stack>
      )}
      {opened && (
        <WebhookForm
          close={close}
          saved={(made) => {
            close()
            if (made) setSecret(made)
          }}
        />
      )}
      {secret !== '' && <Secret secret={secret} close={() => setSecret('')} />}
    </Page>
  )
}
