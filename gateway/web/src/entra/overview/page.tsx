import { useQuery } from '@connectrpc/connect-query'
import { Anchor, Box, Button, Divider, Group, SimpleGrid, Skeleton, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense, type ReactNode } from 'react'

import { flags, useFlag, useMayChange } from '../../api/flags'
import { DiscoveryService } from '../../gen/entrasync/discovery/v1/discovery_pb'
import { StatusService, type GetStatusResponse } from '../../gen/entrasync/gateway/v1/gateway_pb'
import { Icon } from '../../ui/icon'
import { Names } from '../../ui/names'
import { Empty, MicrosoftNumber, Page, State, Unready, ready, toneColor } from '../../ui/states'
import { Time, took, useNow } from '../../ui/time'
import { connectionState, count, counted, runState, runType, underWay } from '../../ui/words'
import { LiveRun } from '../runs/live'
import { SyncAll } from '../runs/syncall'
import { needs, type Need } from './attention'

const History = lazy(() => import('./history'))

// OverviewPage says first what needs a person, then how it goes.
export function OverviewPage() {
  const status = useQuery(StatusService.method.getStatus, {}, {
    refetchInterval: (query) => (underWay(query.state.data?.lastRun?.state ?? '') ? 2_000 : 15_000),
  })
  if (!ready(status)) return <Unready title="Microsoft Entra" of={[status]} />
  if (status.data.status === 'not_connected') return <NotConnected />
  return <Overview status={status.data} />
}

function NotConnected() {
  const mayChange = useMayChange()
  return (
    <Page title="Microsoft Entra">
      <div className="card">
        <Empty
          icon="sync"
          title="Not connected yet"
          action={
            mayChange && (
              <Button component={Link} to="/integrations/entra/setup">
                Start the setup
              </Button>
            )
          }
        >
          {mayChange
            ? 'Four steps: connect your partner account, find your customers’ directories, map them to clients, sync. Nothing is written before you confirm it.'
            : 'An administrator of your organisation connects your partner account. What is synced then appears here.'}
        </Empty>
      </div>
    </Page>
  )
}

function Overview({ status }: { status: GetStatusResponse }) {
  const discovery = useQuery(DiscoveryService.method.getDiscovery)
  const mayChange = useMayChange()
  const list = needs(status, discovery.data?.unreadable ?? [], useFlag(flags.queue), mayChange)
  return (
    <Page title="Microsoft Entra" about={`What needs ${mayChange ? 'you' : 'an administrator'}, and how the sync goes.`} actions={mayChange && <SyncAll status={status} />}>
      {status.lastRun && underWay(status.lastRun.state) && <LiveRun runId={status.lastRun.runId} />}
      <Attention list={list} mayChange={mayChange} />
      <Figures status={status} />
      <Suspense fallback={<Skeleton height={300} radius="md" />}>
        <History />
      </Suspense>
    </Page>
  )
}

function Attention({ list, mayChange }: { list: Need[]; mayChange: boolean }) {
  return (
    <Stack className="card" gap={0} component="section" aria-labelledby="needs-you">
      <Group px="lg" py="md" justify="space-between">
        <Title order={2} size="h4" id="needs-you">
          What needs {mayChange ? 'you' : 'an administrator'}
        </Title>
        {list.length > 0 && (
          <Text c="dimmed" size="sm">
            {counted(list.length, 'thing')}
          </Text>
        )}
      </Group>
      <Divider />
      {list.length === 0 ? (
        <Group px="lg" py="lg" gap="sm">
          <Text c="teal" component="span" lh={0}>
            <Icon name="check" />
          </Text>
          <Text>Nothing. Everything that is mapped is in step.</Text>
        </Group>
      ) : (
        list.map((need, i) => (
          <Box key={need.key}>
            {i > 0 && <Divider />}
            <NeedRow need={need} />
          </Box>
        ))
      )}
    </Stack>
  )
}

function NeedRow({ need }: { need: Need }) {
  return (
    <Group px="lg" py="md" justify="space-between" align="center" gap="md">
      <Group gap="md" wrap="nowrap" align="flex-start" style={{ flex: '1 1 300px', minWidth: 0 }}>
        <Text c={toneColor[need.tone]} component="span" lh={0} pt={2}>
          <Icon name={need.tone === 'bad' ? 'error' : 'warning'} size={20} />
        </Text>
        <div style={{ minWidth: 0 }}>
          <Text fw={600}>{need.title}</Text>
          {need.names.length > 0 && (
            <Text size="sm">
              <Names of={need.names.slice(0, 3)} />
              {need.names.length > 3 && ` and ${count(need.names.length - 3)} more`}
            </Text>
          )}
          <Text size="sm" c="dimmed">
            {need.remedy}
          </Text>
          <MicrosoftNumber of={need.number} />
        </div>
      </Group>
      {need.action && (
        <Button component={Link} to={need.action.to} params={need.action.params as never} variant="light">
          {need.action.label}
        </Button>
      )}
    </Group>
  )
}

function Figures({ status }: { status: GetStatusResponse }) {
  const now = useNow()
  const connection = connectionState(status.status)
  const run = status.lastRun
  const schedule = status.schedule
  // While a part does not answer, nothing said of something is not nothing there.
  const partial = status.attention.some((entry) => entry.code === 'part_unavailable')
  const summary = status.mappingSummary
  const decided = (summary?.mapped ?? 0) + (summary?.undecided ?? 0) + (summary?.needsReview ?? 0) + (summary?.createNew ?? 0) + (summary?.skipped ?? 0)
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }}>
      <Figure title="Connection" foot={<>Checked <Time at={status.lastValidatedAt} /></>}>
        <State {...connection} />
      </Figure>
      <Figure
        title="Directories"
        foot={<>Last discovery <Time at={status.lastDiscoveryAt} /></>}
        link={{ to: '/integrations/entra/mapping', label: 'Mapping' }}
      >
        {summary && !(partial && decided === 0) ? (
          <>
            <Text className="number" size="xl" fw={650} lh={1.2}>
              {count(summary.mapped)} mapped
            </Text>
            <Text size="sm" c="dimmed">
              {[
                [summary.undecided, 'undecided'],
                [summary.needsReview, 'to review'],
                [summary.createNew, 'to create'],
                [summary.skipped, 'skipped'],
              ]
                .filter(([n]) => n !== 0)
                .map(([n, word]) => `${count(n as number)} ${word}`)
                .join(' · ') || 'none left to decide'}
            </Text>
          </>
        ) : (
          <Unknown />
        )}
      </Figure>
      <Figure title="Last sync" foot={run && <>{underWay(run.state) ? '' : `Took ${took(run.startedAt, run.completedAt, now)} · `}Started <Time at={run.startedAt} /></>} link={run && { to: '/integrations/entra/runs', label: 'History' }}>
        {run ? (
          <Group gap="xs">
            <State {...runState(run.state)} />
            <Text size="sm">{runType(run.type, run.dryRun)}</Text>
          </Group>
        ) : partial ? (
          <Unknown />
        ) : (
          <Text>Never</Text>
        )}
      </Figure>
      <Figure title="Next sync" foot={schedule && schedule.intervalMinutes > 0 ? `Set to every ${every(schedule.intervalMinutes)}` : undefined}>
        {schedule?.paused ? (
          <State text="Paused" tone="warn" />
        ) : schedule?.enabled && schedule.nextRunAt ? (
          <Text size="xl" fw={650} lh={1.2}>
            <Time at={schedule.nextRunAt} />
          </Text>
        ) : partial ? (
          <Unknown />
        ) : (
          <Text>Only when you start it</Text>
        )}
      </Figure>
    </SimpleGrid>
  )
}

function Unknown() {
  return <Text c="dimmed">Not known at the moment</Text>
}

function Figure({ title, children, foot, link }: { title: string; children: ReactNode; foot?: ReactNode; link?: { to: string; label: string } | undefined }) {
  return (
    <Stack className="card" p="md" gap="xs">
      <Group justify="space-between">
        <Text size="sm" c="dimmed" fw={600}>
          {title}
        </Text>
        {link && (
          <Anchor component={Link} to={link.to} size="sm">
            {link.label}
          </Anchor>
        )}
      </Group>
      <div>{children}</div>
      <Text size="sm" c="dimmed" component="div" mt="auto">
        {foot ?? '\u00a0'}
      </Text>
    </Stack>
  )
}

function every(minutes: number): string {
  if (minutes % 1440 === 0) return minutes === 1440 ? 'day' : `${minutes / 1440} days`
  if (minutes % 60 === 0) return minutes === 60 ? 'hour' : `${minutes / 60} hours`
  return `${minutes} minutes`
}
