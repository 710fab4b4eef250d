import { Group, Stack, Text } from '@mantine/core'

import type { RunProblem } from '../../gen/entrasync/syncengine/v1/run_pb'
import { Icon } from '../../ui/icon'
import { TextLink } from '../../ui/link'
import { MicrosoftNumber } from '../../ui/states'
import { parted } from '../../ui/words'

// What is mended at the connection, and what at the directory: where the page for it is.
const atConnection = new Set(['not_connected', 'missing_credentials', 'grant_missing', 'refresh_failed', 'auth_rejected', 'probe_failed'])
const atDirectory = new Set(['consent_missing', 'gdap_ended', 'conditional_access', 'tenant_gone'])
const atSettings = new Set(['group_unreadable'])

// Cause says why something failed, what to do about it, and leads to where that is done.
export function Cause({ problem }: { problem: RunProblem }) {
  const { sentence, number } = parted(problem.message)
  return (
    <Group wrap="nowrap" align="flex-start" gap="sm" role="note" aria-label="Why it failed">
      <Text c="var(--bad)" component="span" lh={0} pt={2}>
        <Icon name="error" />
      </Text>
      <Stack gap={0}>
        <Text fw={600}>{sentence}</Text>
        {problem.remedy && (
          <Text size="sm" c="dimmed">
            {problem.remedy}
          </Text>
        )}
        <MicrosoftNumber of={number} />
        {(atConnection.has(problem.code) || atDirectory.has(problem.code)) && (
          <TextLink to="/integrations/entra/setup" size="sm">
            {atConnection.has(problem.code) ? 'To the connection' : 'To the directories'}
          </TextLink>
        )}
        {atSettings.has(problem.code) && (
          <TextLink to="/integrations/entra/settings" size="sm">
            To the settings
          </TextLink>
        )}
      </Stack>
    </Group>
  )
}
