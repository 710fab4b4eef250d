import { Alert, Button, Group, Stack, Text } from '@mantine/core'

import { Icon } from '../../ui/icon'

// Unsaved stands below a form with changes that are not saved yet. With load it says that somebody else
// has saved other settings since.
export function Unsaved({ discard, save, saving, load }: { discard: () => void; save: () => void; saving: boolean; load?: (() => void) | undefined }) {
  return (
    <Stack className="card" p="md" style={{ position: 'sticky', bottom: 12, zIndex: 5, boxShadow: 'var(--mantine-shadow-md)' }} role="region" aria-label="Changes that are not saved yet">
      {load && (
        <Alert role="alert" color="orange" icon={<Icon name="warning" />} title="The settings were changed meanwhile">
          <Stack gap="xs" align="flex-start">
            <Text size="sm">Your changes are kept. Load how it is now before you save: what you did not change becomes what somebody else saved.</Text>
            <Button size="xs" variant="outline" color="orange" onClick={load}>
              Load how it is now
            </Button>
          </Stack>
        </Alert>
      )}
      <Group justify="space-between">
        <Text fw={600}>Not saved yet</Text>
        <Group gap="sm">
          <Button variant="default" onClick={discard}>
            Discard
          </Button>
          <Button onClick={save} loading={saving}>
            Save
          </Button>
        </Group>
      </Group>
    </Stack>
  )
}
