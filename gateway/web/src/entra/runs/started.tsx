import { Box, Text } from '@mantine/core'
import type { ReactNode } from 'react'

import type { StartSyncResponse } from '../../gen/entrasync/orchestration/v1/orchestration_pb'
import { TextLink } from '../../ui/link'
import { Problem } from '../../ui/states'

// Started says that a sync was accepted, with a link to its run, or why it was not started.
export function Started({ answer, error, children }: { answer: StartSyncResponse | undefined; error: unknown; children: ReactNode }) {
  return (
    <>
      {answer && (
        <Text size="sm" c="dimmed" role="status">
          {answer.joined ? 'Joined the sync that was already running.' : 'Accepted.'}{' '}
          <TextLink to="/integrations/entra/runs/$runId" params={{ runId: answer.runId }} size="sm">
            {children}
          </TextLink>
        </Text>
      )}
      {error != null && (
        <Box maw={420}>
          <Problem error={error} title="The sync was not started" />
        </Box>
      )}
    </>
  )
}
