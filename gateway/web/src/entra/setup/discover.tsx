import { useMutation, useQuery } from '@connectrpc/connect-query'
import { Alert, Anchor, Button, Group, Stack, Table, Text } from '@mantine/core'

import { useAskAgain } from '../../api/invalidate'
import { useTenants } from '../../api/names'
import { DiscoveryService, type ManagedTenant } from '../../gen/entrasync/discovery/v1/discovery_pb'
import type { GetStatusResponse } from '../../gen/entrasync/gateway/v1/gateway_pb'
import { OrchestrationService } from '../../gen/entrasync/orchestration/v1/orchestration_pb'
import { domainText } from '../../ui/domain'
import { Icon } from '../../ui/icon'
import { Rows } from '../../ui/list'
import { MicrosoftNumber, Problem, State } from '../../ui/states'
import { Day, Time, useNow } from '../../ui/time'
import { counted, parted, tenantState } from '../../ui/words'
import { timestampDate } from '@bufbuild/protobuf/wkt'

const soon = 30 * 86_400_000 // ms

// useTroubled has the directories that cannot be read, or not for long; undefined until they are known.
export function useTroubled(): ManagedTenant[] | undefined {
  const now = useNow()
  const tenants = useTenants()
  const ending = (tenant: ManagedTenant) => tenant.accessEndsAt !== undefined && timestampDate(tenant.accessEndsAt).getTime() - now < soon
  return tenants.data && [...tenants.data.values()].filter((tenant) => tenant.state !== 'active' || ending(tenant))
}

// Discover finds the directories, and says of each that cannot be read why, and what repairs it.
export function Discover({ status, mayChange }: { status: GetStatusResponse; mayChange: boolean }) {
  const askAgain = useAskAgain()
  const discovery = useQuery(DiscoveryService.method.getDiscovery, {}, { refetchInterval: (query) => (query.state.data?.state === 'running' ? 1_500 : false) })
  const tenants = useTenants()
  const start = useMutation(OrchestrationService.method.startDiscovery, { onSettled: () => askAgain() })
  const running = start.isPending || discovery.data?.state === 'running'
  const troubled = useTroubled() ?? []
  const failure = start.data?.error ?? (discovery.data?.state === 'failed' ? discovery.data.error : undefined)
  return (
    <Stack align="stretch">
      <Group justify="space-between">
        <Text>
          {status.lastDiscoveryAt ? (
            <>
              {counted(tenants.data?.size ?? 0, 'directory', 'directories')} found <Time at={status.lastDiscoveryAt} />
              {troubled.length === 0 ? ', all can be read' : `, ${counted(troubled.length, 'needs', 'need')} you`}
            </>
          ) : (
            'The directories of your customers are listed, with their domains and how many people they have.'
          )}
        </Text>
        {mayChange && (
          <Button variant={status.lastDiscoveryAt ? 'light' : 'filled'} onClick={() => start.mutate({})} loading={running} disabled={status.status !== 'connected'}>
            {status.lastDiscoveryAt ? 'Discover again' : 'Discover directories'}
          </Button>
        )}
      </Group>
      {running && (
        <Text size="sm" c="dimmed" role="status">
          Reading from Microsoft. You can leave this page; it goes on.
        </Text>
      )}
      {failure && (
        <Alert role="alert" color="red" icon={<Icon name="error" />} title={parted(failure.message).sentence}>
          {failure.remedy}
          <MicrosoftNumber of={parted(failure.message).number} />
        </Alert>
      )}
      {start.isError && <Problem error={start.error} title="The discovery was not started" />}
      {tenants.isError && <Problem error={tenants.error} again={() => void tenants.refetch()} />}
      {troubled.length > 0 && (
        <Rows label="Directories that need you" head={['Directory', 'State', 'Why, and what mends it', 'Repair']}>
          {troubled.slice(0, 200).map((tenant) => (
            <Table.Tr key={tenant.managedTenantId}>
              <Table.Td dir="auto" style={{ overflowWrap: 'anywhere' }}>
                <Text fw={600} dir="auto">{tenant.displayName}</Text>
                <Text size="sm" c="dimmed">
                  {domainText(tenant.primaryDomain)}
                </Text>
              </Table.Td>
              <Table.Td>{tenant.state === 'active' ? <State text="Access ends" tone="warn" /> : <State {...tenantState(tenant.state)} />}</Table.Td>
              <Table.Td>
                {tenant.problem ? (
                  <>
                    <Text size="sm">{parted(tenant.problem.message).sentence}</Text>
                    <Text size="sm" c="dimmed">
                      {tenant.problem.remedy}
                    </Text>
                    <MicrosoftNumber of={parted(tenant.problem.message).number} />
                  </>
                ) : tenant.accessEndsAt && tenant.state === 'active' ? (
                  <Text size="sm">
                    Your access ends on <Day at={tenant.accessEndsAt} />. Renew the delegated admin relationship before.
                  </Text>
                ) : (
                  <Text size="sm">It no longer appears among your customers. Its contacts stay as they are.</Text>
                )}
              </Table.Td>
              <Table.Td>{mayChange && tenant.problem?.code.includes('consent') && <Repair tenant={tenant} />}</Table.Td>
            </Table.Tr>
          ))}
        </Rows>
      )}
    </Stack>
  )
}

function Repair({ tenant }: { tenant: ManagedTenant }) {
  const askAgain = useAskAgain()
  const repair = useMutation(DiscoveryService.method.repairConsent, { onSuccess: () => askAgain() })
  if (repair.data?.outcome === 'granted') return <State text="Repaired" tone="good" />
  if (repair.data?.adminConsentUrl) {
    return (
      <Text size="sm">
        An administrator of this customer has to agree:{' '}
        <Anchor href={repair.data.adminConsentUrl} target="_blank" rel="noreferrer" size="sm">
          the page for it
        </Anchor>
      </Text>
    )
  }
  return (
    <Stack gap="xs">
      <Button size="xs" variant="light" onClick={() => repair.mutate({ managedTenantId: tenant.managedTenantId })} loading={repair.isPending} aria-label={`Repair the consent of ${tenant.displayName}`}>
        Repair
      </Button>
      {repair.isError && <Problem error={repair.error} />}
    </Stack>
  )
}
