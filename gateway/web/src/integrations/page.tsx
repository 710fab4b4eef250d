import { useQuery } from '@connectrpc/connect-query'
import { Group, SimpleGrid, Stack, Text, ThemeIcon, Title } from '@mantine/core'

import { flags, useFlag, useMayChange } from '../api/flags'
import { needs } from '../entra/overview/attention'
import { StatusService } from '../gen/entrasync/gateway/v1/gateway_pb'
import { Icon } from '../ui/icon'
import { ButtonLink, TextLink } from '../ui/link'
import { Empty, Loading, Page, Problem, State, failed, ready } from '../ui/states'
import { connectionState, counted } from '../ui/words'

// IntegrationsPage lists what can be connected. The Entra card is there only while its flag is on.
export function IntegrationsPage() {
  const entra = useFlag(flags.ui)
  return (
    <Page title="Integrations" about="What your organisation is connected with.">
      {entra ? (
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <EntraCard />
        </SimpleGrid>
      ) : (
        <div className="card">
          <Empty icon="puzzle" title="No integration is switched on">
            Whoever runs this installation switches integrations on for your organisation. They appear here by themselves.
          </Empty>
        </div>
      )}
    </Page>
  )
}

function EntraCard() {
  const status = useQuery(StatusService.method.getStatus, {}, { refetchInterval: 30_000 })
  const mayChange = useMayChange()
  const queue = useFlag(flags.queue)
  if (!ready(status) && !failed(status)) {
    return (
      <div className="card" style={{ padding: 24 }}>
        <Loading />
      </div>
    )
  }
  if (!ready(status)) return <Problem error={status.error} again={() => void status.refetch()} />
  const { text, tone } = connectionState(status.data.status)
  const started = status.data.status !== 'not_connected'
  const synced = status.data.lastRun !== undefined
  const attention = needs(status.data, [], queue, mayChange).length
  return (
    <Stack className="card" p="lg" gap="md" component="section" aria-label="Microsoft Entra">
      <Group justify="space-between" align="flex-start" gap="sm">
        <Group wrap="nowrap" align="flex-start" style={{ flex: '1 1 260px' }}>
          <ThemeIcon size={44} radius="md" variant="light">
            <Icon name="sync" size={24} />
          </ThemeIcon>
          <div>
            <Title order={2} size="h4">
              Microsoft Entra
            </Title>
            <Text c="dimmed" size="sm">
              Keeps your clients' contacts in step with their Microsoft Entra directories. It links and adds; it never deletes.
            </Text>
          </div>
        </Group>
        <State text={text} tone={tone} />
      </Group>
      {started && (
        <Text size="sm">
          {counted(status.data.mappingSummary?.mapped ?? 0, 'directory', 'directories')} mapped
          {attention > 0 && (
            <>
              {' · '}
              <TextLink to="/integrations/entra" size="sm" inherit>
                {counted(attention, 'thing needs', 'things need')} {mayChange ? 'you' : 'attention'}
              </TextLink>
            </>
          )}
        </Text>
      )}
      <Group>
        <ButtonLink to={synced || !mayChange ? '/integrations/entra' : '/integrations/entra/setup'} rightSection={<Icon name="right" size={16} />}>
          {synced || !mayChange ? 'Open' : started ? 'Go on with the setup' : 'Set up'}
        </ButtonLink>
      </Group>
    </Stack>
  )
}
