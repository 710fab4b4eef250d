import { Box, Stack, Text } from '@mantine/core'

import type { Counters, Run } from '../../gen/entrasync/syncengine/v1/run_pb'
import { count, counters } from '../../ui/words'

// CounterGrid shows what a run did, an outcome a tile.
export function CounterGrid({ run }: { run: Run }) {
  return (
    <Box className="card counters" component="section" aria-label="Counters">
      {counters.map(([name, label]) => {
        const n = run.counters?.[name] ?? 0
        return (
          <Stack key={name} gap={0}>
            <Text className="number" size="xl" fw={650} c={n === 0 ? 'dimmed' : name === 'failed' ? 'var(--bad)' : undefined}>
              {count(n)}
            </Text>
            <Text size="xs" c="dimmed">
              {label}
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
