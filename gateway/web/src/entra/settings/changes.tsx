import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Button, Divider, Group, Stack, Text, Title } from '@mantine/core'

import { useTenants } from '../../api/names'
import { SettingsService } from '../../gen/entrasync/syncengine/v1/settings_pb'
import { TextLink } from '../../ui/link'
import { Time } from '../../ui/time'

const fieldWords: Record<string, string> = {
  automaticSync: 'automatic sync',
  intervalMinutes: 'how often',
  'filters.guests': 'whether guests are left out',
  'filters.unlicensed': 'whether accounts without a licence are left out',
  'filters.serviceAccounts': 'whether service accounts are left out',
  'filters.customPatterns': 'patterns',
  'filters.groups': 'groups',
  'filters.alwaysInclude': 'who is always taken',
  'filters.neverInclude': 'who is never taken',
  markInactiveWhenDisabled: 'leavers',
  allowSameEmailAcrossClients: 'addresses of several clients',
  'guard.minCount': 'when to stop and ask',
  'guard.percent': 'when to stop and ask',
}

// Changes lists who changed what; of one directory where it is given.
export function Changes({ managedTenantId = '' }: { managedTenantId?: string }) {
  const tenants = useTenants()
  const changes = useInfiniteQuery(SettingsService.method.listSettingsChanges, { managedTenantId, pageSize: 20, pageToken: '' }, {
    pageParamKey: 'pageToken',
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  const list = changes.data?.pages.flatMap((page) => page.changes) ?? []
  if (list.length === 0) return null
  return (
    <Stack className="card" p="lg" gap="xs" component="section" aria-labelledby="changes">
      <Title order={2} size="h4" id="changes">
        Who changed what
      </Title>
      {list.map((change, i) => (
        <div key={change.changeId}>
          {i > 0 && <Divider mb="xs" />}
          <Group justify="space-between">
            <Text>
              {change.changedBy ? `${change.changedBy} changed ${[...new Set(change.fields.map((field) => fieldWords[field] ?? (field.startsWith('fieldRules') ? 'what is overwritten' : field)))].join(', ')}` : 'The first sync switched automatic sync on'}
              {change.managedTenantId && managedTenantId === '' && (
                <>
                  {' of '}
                  <TextLink to="/integrations/entra/settings/$managedTenantId" params={{ managedTenantId: change.managedTenantId }}>
                    {tenants.data?.get(change.managedTenantId)?.displayName ?? 'one directory'}
                  </TextLink>
                </>
              )}
            </Text>
            <Text size="sm" c="dimmed">
              <Time at={change.changedAt} />
            </Text>
          </Group>
        </div>
      ))}
      {changes.hasNextPage && (
        <Button variant="subtle" onClick={() => void changes.fetchNextPage()} loading={changes.isFetchingNextPage}>
          Show more
        </Button>
      )}
    </Stack>
  )
}
