import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Table, Text } from '@mantine/core'

import { WebhookService, type Webhook } from '../gen/entrasync/gateway/v1/webhook_pb'
import { Dialog } from '../ui/dialog'
import { Rows } from '../ui/list'
import { Empty, Loading, Problem, State, failed } from '../ui/states'
import { Time } from '../ui/time'
import { count } from '../ui/words'
import { deliveryError, eventWord } from './words'

// Deliveries are the attempts to tell a webhook something, the newest first.
export function Deliveries({ webhook, close }: { webhook: Webhook; close: () => void }) {
  const deliveries = useInfiniteQuery(WebhookService.method.listDeliveries, { id: webhook.id, pageSize: 50, pageToken: '' }, {
    pageParamKey: 'pageToken',
    getNextPageParam: (page) => page.nextPageToken || undefined,
    refetchInterval: 10_000,
  })
  const list = deliveries.data?.pages.flatMap((page) => page.deliveries) ?? []
  return (
    <Dialog onClose={close} title="Deliveries of the last 30 days" size="xl">
      {deliveries.isPending ? (
        <Loading />
      ) : failed(deliveries) ? (
        <Problem error={deliveries.error} again={() => void deliveries.refetch()} />
      ) : list.length === 0 ? (
        <Empty icon="webhooks" title="Nothing was sent yet">
          As soon as something happens that it is told of, it appears here. “Test” sends a message at once.
        </Empty>
      ) : (
        <Rows label="Deliveries" head={['When', 'What', 'Outcome', 'Took']} more={deliveries.hasNextPage ? () => void deliveries.fetchNextPage() : undefined} loading={deliveries.isFetchingNextPage}>
          {list.map((delivery) => (
            <Table.Tr key={delivery.id}>
              <Table.Td>
                <Time at={delivery.at} />
              </Table.Td>
              <Table.Td>
                {eventWord(delivery.type)}
                {delivery.attempt > 1 && (
                  <Text size="sm" c="dimmed">
                    try {count(delivery.attempt)}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                {delivery.delivered ? <State text="Arrived" tone="good" /> : <State text="Not arrived" tone="bad" />}
                {!delivery.delivered && (
                  <Text size="sm" c="dimmed">
                    {deliveryError(delivery.error, delivery.status)}
                  </Text>
                )}
              </Table.Td>
              <Table.Td className="number">{delivery.tookMilliseconds === 0 ? 'under 1 ms' : `${count(delivery.tookMilliseconds)} ms`}</Table.Td>
            </Table.Tr>
          ))}
        </Rows>
      )}
    </Dialog>
  )
}
