import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Button, Stack, Text, Timeline } from '@mantine/core'

import { MappingService, type Mapping, type PreviewRow } from '../../gen/entrasync/mapping/v1/mapping_pb'
import { Dialog } from '../../ui/dialog'
import { Loading, Problem, failed } from '../../ui/states'
import { Time } from '../../ui/time'
import { mappingState } from '../../ui/words'

// Past shows every decision about one directory, the newest first, with who made it.
export function Past({ tenant, close }: { tenant: PreviewRow; close: () => void }) {
  const mappings = useInfiniteQuery(
    MappingService.method.listMappings,
    { managedTenantId: tenant.managedTenantId, history: true, pageSize: 50, pageToken: '' },
    { pageParamKey: 'pageToken', getNextPageParam: (page) => page.nextPageToken || undefined },
  )
  const list = mappings.data?.pages.flatMap((page) => page.mappings) ?? []
  return (
    <Dialog onClose={close} title={`Decisions about ${tenant.displayName}`} size="lg">
      <Stack>
        {mappings.isPending ? (
          <Loading />
        ) : failed(mappings) ? (
          <Problem error={mappings.error} again={() => void mappings.refetch()} />
        ) : list.length === 0 ? (
          <Text c="dimmed">Nobody has decided about it yet.</Text>
        ) : (
          <Timeline active={list[0]?.active ? 0 : -1} bulletSize={14} lineWidth={2}>
            {list.map((mapping, i) => (
              <Timeline.Item key={i} title={<span dir="auto">{titleOf(mapping)}</span>}>
                <Text size="sm" c="dimmed">
                  {mapping.decidedBy ? `by ${mapping.decidedBy}` : 'by a sync'}, <Time at={mapping.decidedAt} />
                  {!mapping.active && mapping.deactivatedAt && (
                    <>
                      {' '}
                      · ended by {mapping.deactivatedBy || 'a sync'}, <Time at={mapping.deactivatedAt} />
                    </>
                  )}
                </Text>
              </Timeline.Item>
            ))}
          </Timeline>
        )}
        {mappings.hasNextPage && (
          <Button variant="default" onClick={() => void mappings.fetchNextPage()} loading={mappings.isFetchingNextPage}>
            Show more
          </Button>
        )}
      </Stack>
    </Dialog>
  )
}

function titleOf(mapping: Mapping): string {
  return mapping.state === 'mapped' ? `Mapped to ${mapping.clientName ?? 'a client'}` : mappingState(mapping.state).text
}
