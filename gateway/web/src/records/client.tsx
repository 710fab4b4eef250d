import { useMutation, useQuery } from '@connectrpc/connect-query'
import { Box, Button, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useParams } from '@tanstack/react-router'

import { flags, useFlag, useMayChange } from '../api/flags'
import { useAskAgain } from '../api/invalidate'
import { ClientService } from '../gen/entrasync/mapping/v1/client_pb'
import { OrchestrationService } from '../gen/entrasync/orchestration/v1/orchestration_pb'
import { RunService } from '../gen/entrasync/syncengine/v1/run_pb'
import { LiveRun } from '../entra/runs/live'
import { Started } from '../entra/runs/started'
import { domainText } from '../ui/domain'
import { Icon } from '../ui/icon'
import { TextLink } from '../ui/link'
import { Empty, Loading, Page, Problem, State, Unready, ready } from '../ui/states'
import { Time } from '../ui/time'
import { runState, runType, underWay } from '../ui/words'
import { ContactList } from './contacts'

// ClientPage shows one client: its directories, its syncs, its contacts.
export function ClientPage() {
  const { clientId } = useParams({ from: '/clients/$clientId' })
  const answer = useQuery(ClientService.method.getClient, { id: clientId })
  const entra = useFlag(flags.ui)
  if (!ready(answer)) return <Unready title="Client" of={[answer]} list={<TextLink to="/clients">To the clients</TextLink>} />
  const client = answer.data.client
  if (!client) return <Empty order={1} title="There is no such client" />
  const domains = [...new Set([client.domain, ...client.emailDomains, ...client.alternativeDomains].filter(Boolean))]
  return (
    <Page title={<span dir="auto">{client.name}</span>} name={client.name} about={domains.map(domainText).join(', ') || 'No domain is known'} actions={entra && <SyncClient clientId={clientId} mapped={client.mappings.length > 0} />}>
      {entra && (
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <Stack className="card" p="lg" gap="xs" component="section" aria-labelledby="directories">
            <Title order={2} size="h4" id="directories">
              Directories
            </Title>
            {client.mappings.length === 0 ? (
              <Text c="dimmed">
                None is mapped to this client. <TextLink to="/integrations/entra/mapping">Map one</TextLink>
              </Text>
            ) : (
              client.mappings.map((mapping) => (
                <Group key={mapping.managedTenantId} justify="space-between" gap="xs">
                  <Text dir="auto">{mapping.displayName}</Text>
                  <TextLink to="/integrations/entra/settings/$managedTenantId" params={{ managedTenantId: mapping.managedTenantId }} size="sm">
                    Settings of its own
                  </TextLink>
                </Group>
              ))
            )}
          </Stack>
          <LastRuns clientId={clientId} />
        </SimpleGrid>
      )}
      <Title order={2} size="h3">
        Contacts
      </Title>
      <ContactList clientId={clientId} />
    </Page>
  )
}

function SyncClient({ clientId, mapped }: { clientId: string; mapped: boolean }) {
  const offered = useFlag(flags.clientSync)
  const mayChange = useMayChange()
  const askAgain = useAskAgain()
  const start = useMutation(OrchestrationService.method.startSync, { onSuccess: () => askAgain() })
  const preview = useMutation(OrchestrationService.method.startPreflight, { onSuccess: () => askAgain() })
  if (!offered || !mayChange) return null
  return (
    <Stack gap={4} align="flex-end">
      <Group gap="sm">
      <Button variant="default" disabled={!mapped} loading={preview.isPending} onClick={() => preview.mutate({ scope: 'single-client', clientId })}>
        Preview a sync
      </Button>
      <Button leftSection={<Icon name="sync" size={16} />} disabled={!mapped} loading={start.isPending} onClick={() => start.mutate({ scope: 'single-client', clientId })}>
        Sync Entra now
      </Button>
      </Group>
      {preview.data && (
        <Text size="sm" c="dimmed" role="status">
          The preview runs; nothing is written.{' '}
          <TextLink to="/integrations/entra/runs/$runId" params={{ runId: preview.data.runId }} size="sm">
            See what it finds
          </TextLink>
        </Text>
      )}
      {preview.isError && (
        <Box maw={420}>
          <Problem error={preview.error} title="The preview was not started" />
        </Box>
      )}
      <Started answer={start.data} error={start.error}>
        Run {start.data?.runId.slice(-8)}
      </Started>
    </Stack>
  )
}

function LastRuns({ clientId }: { clientId: string }) {
  const runs = useQuery(RunService.method.listRuns, { clientId, pageSize: 5 }, { refetchInterval: (query) => (query.state.data?.runs.some((run) => underWay(run.state)) ? 2_000 : 30_000) })
  const live = runs.data?.runs.find((run) => underWay(run.state))
  return (
    <Stack className="card" p="lg" gap="xs" component="section" aria-labelledby="syncs">
      <Title order={2} size="h4" id="syncs">
        Its syncs
      </Title>
      {live && <LiveRun runId={live.runId} />}
      {runs.isPending ? (
        <Loading lines={2} />
      ) : !ready(runs) ? (
        <Problem error={runs.error} again={() => void runs.refetch()} />
      ) : runs.data.runs.length === 0 ? (
        <Text c="dimmed">None yet. It takes part in every sync of all clients once a directory is mapped to it.</Text>
      ) : (
        runs.data.runs.map((run) => (
          <Group key={run.runId} justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
            <TextLink to="/integrations/entra/runs/$runId" params={{ runId: run.runId }}>
              {runType(run.type, run.dryRun)}
            </TextLink>
            <Group gap="xs" wrap="nowrap" style={{ flexShrink: 0 }}>
              <Text size="sm" c="dimmed">
                <Time at={run.startedAt} never="not yet" />
              </Text>
              <State {...runState(run.state)} />
            </Group>
          </Group>
        ))
      )}
    </Stack>
  )
}
