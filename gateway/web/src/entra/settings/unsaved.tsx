import { Button, Group, Text } from '@mantine/core'

// Unsaved stands below a form with changes that are not saved yet.
export function Unsaved({ discard, save, saving }: { discard: () => void; save: () => void; saving: boolean }) {
  return (
    <Group className="card" p="md" justify="space-between" style={{ position: 'sticky', bottom: 12, zIndex: 5, boxShadow: 'var(--mantine-shadow-md)' }} role="region" aria-label="Changes that are not saved yet">
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
  )
}
