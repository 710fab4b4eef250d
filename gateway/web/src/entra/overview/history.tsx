import '@mantine/charts/styles.css'

import { timestampDate } from '@bufbuild/protobuf/wkt'
import { useQuery } from '@connectrpc/connect-query'
import { BarChart } from '@mantine/charts'
import { Group, Stack, Text, Title } from '@mantine/core'

import { RunService, type Run } from '../../gen/entrasync/syncengine/v1/run_pb'
import { Loading, Problem, ready } from '../../ui/states'
import { count } from '../../ui/words'

const toTheMinute = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
const toTheSecond = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' })

const series = [
  { name: 'created', label: 'Created', color: 'teal.6' },
  { name: 'linked', label: 'Linked', color: 'blue.6' },
  { name: 'updated', label: 'Updated', color: 'grape.6' },
  { name: 'inactivated', label: 'Inactivated', color: 'gray.6' },
  { name: 'ambiguous', label: 'For review', color: 'orange.6' },
  { name: 'failed', label: 'Failed', color: 'red.6' },
]

// History shows what the last syncs did, by outcome. What was unchanged or left out is not drawn: it
// would dwarf the rest.
export default function History() {
  const runs = useQuery(RunService.method.listRuns, { pageSize: 40 })
  return (
    <Stack className="card" p="lg" gap="md" component="section" aria-labelledby="history">
      <Group justify="space-between" align="baseline">
        <Title order={2} size="h4" id="history">
          What the last syncs did
        </Title>
        <Text size="sm" c="dimmed">
          People per sync, by outcome
        </Text>
      </Group>
      {runs.isPending ? <Loading /> : !ready(runs) ? <Problem error={runs.error} again={() => void runs.refetch()} /> : <Chart runs={runs.data.runs} />}
    </Stack>
  )
}

function Chart({ runs }: { runs: Run[] }) {
  const synced = runs.filter((run) => run.type !== 'discovery' && !run.dryRun && run.completedAt && run.counters).reverse()
  if (synced.length === 0) return <Text c="dimmed">No sync has ended yet.</Text>
  const drawn = synced.slice(-20)
  const times = (format: Intl.DateTimeFormat) => drawn.map((run) => (run.startedAt ? format.format(timestampDate(run.startedAt)) : ''))
  const minutes = times(toTheMinute)
  // Syncs of one minute are told apart below the bars.
  const at = new Set(minutes).size < minutes.length ? times(toTheSecond) : minutes
  const data = drawn.map((run, i) => ({
    at: at[i] ?? '',
    created: run.counters?.created ?? 0,
    linked: run.counters?.linked ?? 0,
    updated: run.counters?.updated ?? 0,
    inactivated: run.counters?.inactivated ?? 0,
    ambiguous: run.counters?.ambiguous ?? 0,
    failed: run.counters?.failed ?? 0,
  }))
  const last = data.at(-1)
  return (
    <>
      <BarChart
        h={240}
        data={data}
        dataKey="at"
        type="stacked"
        series={series}
        withLegend
        legendProps={{ verticalAlign: 'bottom', itemSorter: null }}
        barProps={{ maxBarSize: 48, isAnimationActive: false }}
        valueFormatter={(n) => count(n)}
        tickLine="none"
        barChartProps={{ accessibilityLayer: false, margin: { top: 12 } }}
        yAxisProps={{ tickCount: 3 }}
        aria-hidden
      />
      {last && (
        <Text size="sm" c="dimmed">
          The last one: {series.map((s) => `${count(last[s.name as 'created'])} ${s.label.toLowerCase()}`).join(', ')}.
        </Text>
      )}
    </>
  )
}
