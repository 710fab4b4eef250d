import { useMutation, useQuery } from '@connectrpc/connect-query'
import { Alert, Box, Button, Group, List, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'

import { flags, useFlag, useMayChange } from '../../api/flags'
import { useAskAgain } from '../../api/invalidate'
import { ConnectionService } from '../../gen/entrasync/connection/v1/connection_pb'
import type { ManagedTenant } from '../../gen/entrasync/discovery/v1/discovery_pb'
import { StatusService, type GetStatusResponse } from '../../gen/entrasync/gateway/v1/gateway_pb'
import { OrchestrationService } from '../../gen/entrasync/orchestration/v1/orchestration_pb'
import { Icon } from '../../ui/icon'
import { ButtonLink, TextLink } from '../../ui/link'
import { MicrosoftNumber, Page, Problem, State, Unready, ready } from '../../ui/states'
import { Time } from '../../ui/time'
import { connectionState, count, counted, credentialSource, parted, runState, runType, underWay } from '../../ui/words'
import { LiveRun } from '../runs/live'
import { Connected } from './connected'
import { Discover, useTroubled } from './discover'
import { Pilot } from './pilot'
import { Registration } from './registration'
import { useSyncedOnce } from './synced'

// SetupPage leads from nothing to the first sync in four steps. Where one stands is read from what
// there is, so it can be left at any time.
export function SetupPage() {
  const status = useQuery(StatusService.method.getStatus, {}, { refetchInterval: 10_000 })
  const synced = useSyncedOnce()
  if (!ready(status) || synced === undefined) return <Unready title="Set up Microsoft Entra" of={[status]} />
  return <Steps status={status.data} synced={synced} />
}

function stepOf(status: GetStatusResponse, synced: boolean): number {
  if (status.status !== 'connected') return 1
  if (!status.lastDiscoveryAt) return 2
  const summary = status.mappingSummary
  if ((summary?.mapped ?? 0) + (summary?.createNew ?? 0) === 0) return 3
  return synced ? 5 : 4
}

function Steps({ status, synced }: { status: GetStatusResponse; synced: boolean }) {
  const at = stepOf(status, synced)
  const mayChange = useMayChange()
  const summary = status.mappingSummary
  const troubled = useTroubled() ?? []
  return (
    <Page title="Set up Microsoft Entra" about={at > 4 ? finished(troubled) : 'Four steps. You can leave at any time; what is done stays done.'}>
      {!mayChange && <Alert icon={<Icon name="lock" />}>You may look, not change. An administrator of your organisation does the setup.</Alert>}
      <Step number={1} at={at} title="Connect" done={<Connected status={status} />}>
        <Connect status={status} mayChange={mayChange} />
      </Step>
      <Step number={2} at={at} title="Discover" wrong={needAttention(troubled)} done={<Discover status={status} mayChange={mayChange} />}>
        <Discover status={status} mayChange={mayChange} />
      </Step>
      <Step
        number={3}
        at={at}
        title="Map"
        done={
          <Group justify="space-between">
            <Text>
              {counted(summary?.mapped ?? 0, 'directory', 'directories')} mapped, {count(summary?.undecided ?? 0)} to decide{summary && summary.skipped > 0 && `, ${count(summary.skipped)} skipped`}
            </Text>
            <ButtonLink to="/integrations/entra/mapping" variant="light">
              Open the mapping
            </ButtonLink>
          </Group>
        }
      >
        <Stack align="flex-start">
          <Text>Say which directory belongs to which of your clients. Exact matches of domains are proposed; you confirm them together.</Text>
          <ButtonLink to="/integrations/entra/mapping">Map the directories</ButtonLink>
        </Stack>
      </Step>
      <Step number={4} at={at} title="First sync" done={<Text>Done. New people, changes and leavers follow with every sync.</Text>}>
        <FirstSync status={status} mayChange={mayChange} />
      </Step>
    </Page>
  )
}

// needAttention says whether something can be repaired: a customer who has left is no fault.
function needAttention(troubled: ManagedTenant[]): boolean {
  return troubled.some((tenant) => tenant.state !== 'gone')
}

function finished(troubled: ManagedTenant[]): string {
  const unreadable = troubled.filter((tenant) => tenant.state === 'unreadable').length
  if (unreadable > 0) return `Everything is set up, but ${counted(unreadable, 'directory', 'directories')} cannot be read.`
  if (needAttention(troubled)) return 'Everything is set up, but the access to a directory ends soon.'
  return 'Everything is set up. Come back here to repair a step.'
}

// Step is one of the four; wrong says that something of it does not work though it is done.
function Step({ number, at, title, wrong = false, done, children }: { number: number; at: number; title: string; wrong?: boolean; done: ReactNode; children: ReactNode }) {
  const state = number < at ? 'done' : number === at ? 'now' : 'later'
  return (
    <Group className="card" p="lg" gap="lg" align="flex-start" wrap="nowrap" component="section" aria-label={`Step ${number}: ${title}`} aria-current={state === 'now' ? 'step' : undefined}>
      <ThemeIcon size={34} radius="xl" color={state === 'done' ? (wrong ? 'orange.9' : 'teal.9') : state === 'now' ? 'entra' : 'gray'} variant={state === 'later' ? 'light' : 'filled'}>
        {state === 'done' ? <Icon name={wrong ? 'warning' : 'check'} /> : <Text fw={700}>{number}</Text>}
      </ThemeIcon>
      <Stack gap="sm" style={{ flex: 1, minWidth: 0 }}>
        <Title order={2} size="h4" c={state === 'later' ? 'dimmed' : undefined} lh="34px">
          {title}
        </Title>
        {state === 'done' ? done : state === 'now' ? children : null}
      </Stack>
    </Group>
  )
}

const asked: { what: string; why: string }[] = [
  { what: 'Read your delegated admin relationships', why: 'to find the customers whose directories you manage' },
  { what: 'Read directory data', why: 'to read the names, addresses and states of their people' },
  { what: 'Keep the access until you take it back', why: 'to sync without asking you again' },
]

// What went wrong on the way to Microsoft and back, and what mends it.
const failures: Record<string, [string, string]> = {
  access_denied: ['The sign-in was cancelled, or consent was refused.', 'Connect again and accept what is asked, as an administrator of your partner directory.'],
  missing_params: ['Microsoft’s answer was incomplete.', 'Connect again.'],
  invalid_state: ['This sign-in was not started here, or was used before.', 'Connect again, and finish it in the same browser.'],
  expired_state: ['The sign-in took longer than ten minutes.', 'Connect again.'],
  session_mismatch: ['The sign-in was started in another browser.', 'Connect again, and finish it in the same browser.'],
  missing_credentials: ['No app registration is set up.', 'Enter your own app registration, or ask whoever runs this installation.'],
  token_exchange_failed: ['Microsoft did not accept the sign-in.', 'Check the app registration’s secret and redirect address, then connect again.'],
  consent_missing: ['The consent that the app needs was not given.', 'Connect again as an administrator who may consent for the organisation.'],
  probe_failed: ['Microsoft could not be read with the new sign-in.', 'Sign in with an account that is in the groups of your delegated admin relationships.'],
}

function Connect({ status, mayChange }: { status: GetStatusResponse; mayChange: boolean }) {
  const search = useSearch({ from: '/integrations/entra/setup' })
  const connect = useMutation(ConnectionService.method.connect, { onSuccess: (answer) => location.assign(answer.authorizeUrl) })
  const failure = search.entra_status === 'failure' ? (failures[search.error ?? ''] ?? ['Connecting did not work.', 'Connect again.']) : undefined
  const again = status.status !== 'not_connected'
  return (
    <Stack align="flex-start">
      {failure && (
        <Alert role="alert" color="red" icon={<Icon name="error" />} title={failure[0]} w="100%">
          {failure[1]}
        </Alert>
      )}
      {again && (
        <Group gap="xs">
          <State {...connectionState(status.status)} />
          {status.lastValidationError && <Text>{parted(status.lastValidationError.message).sentence}</Text>}
          {status.lastValidationError && <MicrosoftNumber of={parted(status.lastValidationError.message).number} />}
        </Group>
      )}
      <Text>Sign in with an administrator of your partner directory. Microsoft will ask whether this app may:</Text>
      <List spacing={4}>
        {asked.map((permission) => (
          <List.Item key={permission.what}>
            <b>{permission.what}</b>, {permission.why}
          </List.Item>
        ))}
      </List>
      <Text size="sm" c="dimmed">
        Nothing is changed at Microsoft, ever. Passwords never come here. The sign-in uses {credentialSource(status.credentialSource)}.
      </Text>
      {mayChange && (
        <Button onClick={() => connect.mutate({ connectionType: 'direct', returnTo: `${location.origin}/integrations/entra/setup` })} loading={connect.isPending || connect.isSuccess} rightSection={<Icon name="external" size={16} />}>
          {again ? 'Connect again at Microsoft' : 'Connect at Microsoft'}
        </Button>
      )}
      {connect.isError && <Problem error={connect.error} title="The sign-in cannot be started" />}
      {mayChange && <Registration status={status} />}
    </Stack>
  )
}

function FirstSync({ status, mayChange }: { status: GetStatusResponse; mayChange: boolean }) {
  const askAgain = useAskAgain()
  const single = useFlag(flags.clientSync)
  const start = useMutation(OrchestrationService.method.startSync, { onSuccess: () => askAgain() })
  const preview = useMutation(OrchestrationService.method.startPreflight, { onSuccess: () => askAgain() })
  const run = status.lastRun
  const live = run !== undefined && underWay(run.state)
  if (live && run.type !== 'single-client') return <LiveRun runId={run.runId} />
  const summary = status.mappingSummary
  const ready = (summary?.mapped ?? 0) + (summary?.createNew ?? 0)
  return (
    <Stack align="flex-start">
      <Text>
        People of {counted(ready, 'mapped directory', 'mapped directories')} are compared with your contacts: who is there already is linked, who is missing is added, and what is doubtful waits for you. Nothing is deleted.
      </Text>
      {live && (
        <Box w="100%">
          <LiveRun runId={run.runId} />
        </Box>
      )}
      {mayChange && single && ready > 0 && <Pilot />}
      {mayChange && (
        <Group>
          <Button onClick={() => start.mutate({ scope: 'initial' })} loading={start.isPending} disabled={ready === 0 || live}>
            Start the first sync
          </Button>
          <Button variant="default" onClick={() => preview.mutate({ scope: 'initial' })} loading={preview.isPending} disabled={ready === 0 || live}>
            Preview all
          </Button>
        </Group>
      )}
      {preview.data && (
        <Text role="status">
          The preview runs.{' '}
          <TextLink to="/integrations/entra/runs/$runId" params={{ runId: preview.data.runId }}>
            See what it finds
          </TextLink>
        </Text>
      )}
      {start.isError && <Problem error={start.error} title="The sync was not started" />}
      {preview.isError && <Problem error={preview.error} title="The preview was not started" />}
      {run && !live && (
        <Group gap="xs">
          <Text size="sm" c="dimmed">
            Last: {runType(run.type).toLowerCase()}, <Time at={run.completedAt} />
          </Text>
          <State {...runState(run.state)} />
          <TextLink to="/integrations/entra/runs/$runId" params={{ runId: run.runId }} size="sm">
            What it found
          </TextLink>
        </Group>
      )}
    </Stack>
  )
}
