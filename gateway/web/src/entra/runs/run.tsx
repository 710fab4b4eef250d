import { Anchor, Group, Text } from '@mantine/core'
import { useParams } from '@tanstack/react-router'

import { useWorkflowsUrl } from '../../api/config'
import { useClientName } from '../../api/names'
import type { Run, TenantResult } from '../../gen/entrasync/syncengine/v1/run_pb'
import { TextLink } from '../../ui/link'
import { Empty, Page, State, Unready, ready } from '../../ui/states'
import { Time, took, useNow } from '../../ui/time'
import { count, counted, runState, runType, underWay, type Tone } from '../../ui/words'
import { CancelRun } from './cancel'
import { Cause } from './cause'
import { CounterGrid, somebody } from './counters'
import { heldState } from './held'
import { RunProgress, useRun } from './live'
import { People } from './people'
import { Results } from './results'

// RunPage shows one run: how far it is, what it did by directory and by person, and what to do
// where it failed or was held.
export function RunPage() {
  const { runId } = useParams({ from: '/integrations/entra/runs/$runId' })
  return <OneRun key={runId} runId={runId} />
}

// head is the state in the title. Not every result of a long run is in the answer: then it is the run's alone.
function head(run: Run, results: TenantResult[]): { text: string; tone: Tone } {
  return run.state === 'held' && results.length >= run.totalTenants ? heldState(run, results) : runState(run.state)
}

function OneRun({ runId }: { runId: string }) {
  const { answer, run, tenants } = useRun(runId)
  const now = useNow()
  const workflows = useWorkflowsUrl()
  const client = useClientName(run?.clientId)
  if (!ready(answer)) return <Unready title="Run" of={[answer]} list={<TextLink to="/integrations/entra/runs">To the sync history</TextLink>} />
  if (!run) return <Empty order={1} title="There is no such run" />
  const results = answer.data.tenantResults
  const sync = run.type !== 'discovery'
  return (
    <Page
      title={
        <Group gap="sm">
          {runType(run.type, run.dryRun)} <State {...head(run, results)} />
        </Group>
      }
      name={runType(run.type, run.dryRun)}
      about={
        <>
          {run.clientId && client && (
            <>
              Of{' '}
              <TextLink to="/clients/$clientId" params={{ clientId: run.clientId }} inherit>
                <bdi>{client}</bdi>
              </TextLink>
              {' · '}
            </>
          )}
          Started <Time at={run.startedAt} never="not yet" /> by {run.initiatedBy || 'the schedule'}
          {run.completedAt && <> · took {took(run.startedAt, run.completedAt, now)}</>}
          {run.failedTenants > 0 && (
            <Text component="span" c="var(--bad)">
              {' '}
              · {count(run.failedTenants)} of {counted(run.totalTenants, 'directory', 'directories')} failed
            </Text>
          )}
        </>
      }
      actions={<CancelRun run={run} />}
    >
      {run.dryRun && (
        <Text className="card" p="md">
          {underWay(run.state) ? 'This is a preview: it decides about everybody as a sync would, and writes nothing.' : 'This was a preview: it decided about everybody as a sync would, and wrote nothing.'}
        </Text>
      )}
      {run.approvesRunId && (
        <Text className="card" p="md">
          It carries out what a person approved in{' '}
          <TextLink to="/integrations/entra/runs/$runId" params={{ runId: run.approvesRunId }}>
            the run that was held
          </TextLink>
          .
        </Text>
      )}
      {run.state === 'cancelled' && (
        <Text className="card" p="md">
          A person cancelled this run. What was written until then stays; the next sync does the rest.
        </Text>
      )}
      {underWay(run.state) && (
        <div className="card" style={{ padding: 20 }}>
          <RunProgress run={run} />
        </div>
      )}
      {run.error && (
        <div className="card" style={{ padding: 16 }}>
          <Cause problem={run.error} />
        </div>
      )}
      {run.type === 'discovery' && run.state === 'completed' && (
        <Text className="card" p="md">
          {counted(run.totalTenants, 'directory was', 'directories were')} found. <TextLink to="/integrations/entra/mapping">See which client each belongs to</TextLink>
        </Text>
      )}
      {sync && (underWay(run.state) || somebody(run.counters)) && <CounterGrid run={run} />}
      {sync && <Results run={run} results={results} live={tenants} />}
      {sync && !underWay(run.state) && somebody(run.counters) && <People run={run} results={results} />}
      {workflows && (
        <Text size="sm" c="dimmed">
          For operators:{' '}
          <Anchor href={`${workflows}/${encodeURIComponent(run.workflowId)}`} target="_blank" rel="noreferrer" size="sm">
            this run in the Temporal UI
          </Anchor>
        </Text>
      )}
    </Page>
  )
}
