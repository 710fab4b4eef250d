import { useMutation } from '@connectrpc/connect-query'
import { Button, Stack } from '@mantine/core'

import { useAskAgain } from '../../api/invalidate'
import type { GetStatusResponse } from '../../gen/entrasync/gateway/v1/gateway_pb'
import { OrchestrationService } from '../../gen/entrasync/orchestration/v1/orchestration_pb'
import { Icon } from '../../ui/icon'
import { underWay } from '../../ui/words'
import { Started } from './started'

// SyncAll starts a sync of all clients. It says that it is accepted when it is, and not before.
export function SyncAll({ status }: { status: GetStatusResponse }) {
  const askAgain = useAskAgain()
  const start = useMutation(OrchestrationService.method.startSync, { onSuccess: () => askAgain() })
  const running = status.lastRun !== undefined && underWay(status.lastRun.state)
  const nothing = (status.mappingSummary?.mapped ?? 0) + (status.mappingSummary?.createNew ?? 0) === 0
  return (
    <Stack gap={4} align="flex-end">
      <Button
        leftSection={<Icon name="sync" size={16} />}
        loading={start.isPending}
        disabled={running || nothing || status.status !== 'connected'}
        onClick={() => start.mutate({ scope: 'all-tenants' })}
      >
        {running ? 'A sync is running' : 'Sync all tenants now'}
      </Button>
      <Started answer={start.data} error={start.error}>
        Follow it
      </Started>
    </Stack>
  )
}
