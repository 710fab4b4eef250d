import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'

import { useAskAgain } from '../../api/invalidate'
import { OrchestrationService } from '../../gen/entrasync/orchestration/v1/orchestration_pb'
import { DirectoryPicker } from '../../ui/directory'
import { TextLink } from '../../ui/link'
import { Problem } from '../../ui/states'

// Pilot looks at one client first, and syncs it alone, before all others follow.
export function Pilot() {
  const askAgain = useAskAgain()
  const [directory, setDirectory] = useState({ id: '', name: '', clientId: '' })
  const options = { onSuccess: () => askAgain() }
  const preview = useMutation(OrchestrationService.method.startPreflight, options)
  const start = useMutation(OrchestrationService.method.startSync, options)
  const ask = { scope: 'single-client', clientId: directory.clientId }
  const started = start.data ?? preview.data
  return (
    <Stack gap="xs" align="flex-start" role="group" aria-label="Try it with one client first">
      <Text fw={600}>Try it with one client first</Text>
      <Group align="flex-end">
        <DirectoryPicker
          label="Client’s directory"
          w={{ base: '100%', sm: 320 }}
          value={directory.id}
          onChange={(id, name, clientId) => {
            setDirectory({ id, name, clientId })
            preview.reset()
            start.reset()
          }}
        />
        <Button variant="default" disabled={directory.clientId === ''} loading={preview.isPending} onClick={() => preview.mutate(ask)}>
          Preview it
        </Button>
        <Button variant="default" disabled={directory.clientId === ''} loading={start.isPending} onClick={() => start.mutate(ask)}>
          Sync it alone
        </Button>
      </Group>
      {started && (
        <Text size="sm" role="status">
          {start.data ? 'The sync of this client is accepted.' : 'The preview runs; nothing is written.'}{' '}
          <TextLink to="/integrations/entra/runs/$runId" params={{ runId: started.runId }} size="sm">
            See what it finds
          </TextLink>
        </Text>
      )}
      {preview.isError && <Problem error={preview.error} title="The preview was not started" />}
      {start.isError && <Problem error={start.error} title="The sync was not started" />}
    </Stack>
  )
}
