import { Box, Stack, Text } from '@mantine/core'

import type { Counters, Run } from '../../gen/entrasync/syncengine/v1/run_pb'
import { count, counters } from '../../ui/words'

// somebody says whether there was a verdict about anybody.
export function somebody(of: Counters | undefined): boolean {
  return counters.some(([name]) => (of?.[name] ?? 0) > 0)
}

// CounterGrid shows what became of people in a run, an outcome a tile.
export function CounterGrid({ run }: { run: Run }) {
  return (
    <Box className="card counters" component="section" aria-label="People, by outcome">
      {counters.map(([name, label]) => {
        const n = run.counters?.[name] ?? 0
        return (
          <Stack key={name} gap={0}>
            <Text className="number" size="xl" fw={650} c={n === 0 ? 'dimmed' : name === 'failed' ? 'var(--bad)' : undefined}>
              {count(n)}
            </Text>
            <Text size="xs" c="dimmed">
              {name === 'failed' ? 'People failed' : label}
            </Text>
          </Stack>
        )
      })}
    </Box>
  )
}

// brief is what happened, in one line; what is unchanged goes without saying.
export function brief(of: Counters | undefined): string {
  return counters
    .filter(([name]) => name !== 'unchanged' && (of?.[name] ?? 0) > 0)
    .map(([name, label]) => `${count(of?.[name] ?? 0)} ${label.toLowerCase()}`)
    .join(' · ')
}
