import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Table, Text } from '@mantine/core'

import { AuditService, type AuditEvent } from '../gen/entrasync/gateway/v1/gateway_pb'
import { Rows } from '../ui/list'
import { Empty, Loading, Page, Problem, State, failed } from '../ui/states'
import { Moment } from '../ui/time'
import type { Tone } from '../ui/words'

// AuditPage lists who did what, when and from where.
export function AuditPage() {
  const events = useInfiniteQuery(AuditService.method.listAuditEvents, { pageSize: 50, pageToken: '' }, {
    pageParamKey: 'pageToken',
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  const list = events.data?.pages.flatMap((page) => page.events) ?? []
  return (
    <Page title="Audit trail" about="Who did what, when and from where. Nothing here can be changed or deleted.">
      {events.isPending ? (
        <Loading lines={8} />
      ) : failed(events) ? (
        <Problem error={events.error} again={() => void events.refetch()} />
      ) : list.length === 0 ? (
        <div className="card">
          <Empty icon="audit" title="Nothing was changed yet" />
        </div>
      ) : (
        <Rows label="Events" head={['When', 'Who', 'What', 'Outcome', 'From']} more={events.hasNextPage ? () => void events.fetchNextPage() : undefined} loading={events.isFetchingNextPage}>
          {list.map((event) => (
            <Table.Tr key={event.id}>
              <Table.Td>{event.occurredAt && <Moment at={event.occurredAt} />}</Table.Td>
              <Table.Td>{event.actorType === 'system' ? 'Microsoft’s answer' : event.actorType === 'platform' ? 'The platform' : event.actorId}</Table.Td>
              <Table.Td>{action(event.action)}</Table.Td>
              <Table.Td>
                <State {...outcome(event)} />
              </Table.Td>
              <Table.Td>
                {event.remoteAddr !== '' && (
                  <Text size="sm" className="number">
                    {event.remoteAddr}
                  </Text>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Rows>
      )}
    </Page>
  )
}

const actions: Record<string, string> = {
  BatchUpsertClients: 'Sent clients',
  BatchUpsertContacts: 'Sent contacts',
  StartDiscovery: 'Started a discovery',
  StartSync: 'Started a sync',
  StartPreflight: 'Started a preview',
  ConfirmMappings: 'Confirmed mappings',
  SkipMapping: 'Skipped a directory',
  UnmapMapping: 'Ended a mapping',
  RemapMapping: 'Changed a mapping',
  ImportMappings: 'Imported mappings',
  DecideOrphans: 'Decided about links of an earlier mapping',
  Connect: 'Started to connect',
  CompleteConnect: 'Finished connecting',
  Disconnect: 'Disconnected',
  ValidateDirect: 'Checked the connection',
  SetCredentials: 'Stored an app registration',
  DeleteCredentials: 'Removed the app registration',
  RepairConsent: 'Repaired a consent',
  CancelRun: 'Cancelled a run',
  DecideHeld: 'Decided about what a guard held',
  UpdateSettings: 'Changed the settings',
  ResolveToExisting: 'Linked an account of the review queue to a contact',
  ResolveToNew: 'Made a contact for an account of the review queue',
  DismissItem: 'Dismissed an account of the review queue',
  UndoDecision: 'Took a decision of the review queue back',
  DecideItems: 'Decided about many accounts of the review queue',
  PreviewDecisions: 'Looked at what suggestions of the review queue come to',
  Explain: 'Asked why a person is synced',
  TestFilters: 'Tried filters',
  ListWebhooks: 'Looked at the webhooks',
  ListDeliveries: 'Looked at what a webhook was told',
  PutWebhook: 'Saved a webhook',
  DeleteWebhook: 'Deleted a webhook',
  TestWebhook: 'Tested a webhook',
  ReplayWebhook: 'Sent a webhook its messages again',
  CreatePlatformFlag: 'Made a feature flag',
  TargetPlatformFlag: 'Switched a feature on or off',
  'connection.connected': 'The connection was made',
  'connection.replaced': 'The connection was made anew',
  'connection.recovered': 'The connection works again',
  'connection.validation_failed': 'The connection stopped working',
  'connection.disconnected': 'The connection was ended',
  'session.sign_in': 'Signed in',
  'session.sign_out': 'Signed out',
  'session.sign_out_everywhere': 'Signed out everywhere',
}

// action says what was called in words: what is not listed, by the method's own name.
function action(name: string): string {
  const method = name.split('/').pop() ?? name
  return actions[method] ?? actions[name] ?? method.replaceAll(/([a-z])([A-Z])/g, '$1 $2').replaceAll(/[._]/g, ' ')
}

function outcome(event: AuditEvent): { text: string; tone: Tone } {
  switch (event.outcome) {
    case 'ok':
      return { text: 'Done', tone: 'good' }
    case 'pending':
      return { text: 'Under way', tone: 'busy' }
    case 'cancelled':
      return { text: 'Broken off', tone: 'quiet' }
    case 'unknown':
      return { text: 'Outcome not known', tone: 'warn' }
    default:
      return { text: 'Refused: ' + event.outcome.replaceAll('_', ' '), tone: 'bad' }
  }
}
