import { Button, Group, Modal, Stack, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { ReactNode } from 'react'

import { useTenants } from '../../api/names'
import { DialogButtons } from '../../ui/dialog'
import { count, counted } from '../../ui/words'
import type { Decisions } from './decisions'

// ConfirmBar holds what is decided and not written; it says what a confirm will write before it does.
export function ConfirmBar({ decisions, pending, send, clear }: { decisions: Decisions; pending: boolean; send: () => void; clear: () => void }) {
  const [opened, { open, close }] = useDisclosure()
  const tenants = useTenants()
  const list = Object.entries(decisions)
  const number = (kind: string) => list.filter(([, decision]) => decision.decision === kind).length
  const lines = [
    [number('map'), 'mapped to a client: its people are synced into that client’s contacts'],
    [number('create_new'), 'get a new client, which the next sync that you start creates'],
    [number('skip'), 'skipped: not synced, and listed under “Skipped”'],
    [number('review'), 'kept for later review: not synced'],
  ] as const
  return (
    <>
      <Group className="card" p="md" justify="space-between" style={{ position: 'sticky', bottom: 12, zIndex: 5, boxShadow: 'var(--mantine-shadow-md)' }} role="region" aria-label="Decisions that are not written yet">
        <Text fw={600}>{counted(list.length, 'decision is', 'decisions are')} not written yet</Text>
        <Group gap="sm">
          <Button variant="default" onClick={clear} disabled={pending}>
            Discard
          </Button>
          <Button onClick={open} loading={pending}>
            Review and confirm
          </Button>
        </Group>
      </Group>
      <Modal opened={opened} onClose={close} title="What will be written" size="lg">
        <Stack>
          <ul style={{ margin: 0, paddingInlineStart: 20 }}>
            {lines
              .filter(([n]) => n > 0)
              .map(([n, text]) => (
                <li key={text}>
                  <b>{counted(n, 'directory', 'directories')}</b> {text}
                </li>
              ))}
          </ul>
          <div style={{ maxHeight: 300, overflow: 'auto' }} tabIndex={0} role="region" aria-label="Decisions">
            <Table>
              <Table.Tbody>
                {list.slice(0, 200).map(([id, decision]) => (
                  <Table.Tr key={id}>
                    <Table.Td dir="auto">{tenants.data?.get(id)?.displayName ?? 'A directory'}</Table.Td>
                    <Table.Td>{decisionText(decision)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
            {list.length > 200 && (
              <Text size="sm" c="dimmed" p="sm">
                and {count(list.length - 200)} more
              </Text>
            )}
          </div>
          <Text size="sm" c="dimmed">
            No contact changes yet; the next sync does that.
          </Text>
          <DialogButtons close={close}>
            <Button
              data-autofocus
              onClick={() => {
                close()
                send()
              }}
            >
              Confirm {counted(list.length, 'decision')}
            </Button>
          </DialogButtons>
        </Stack>
      </Modal>
    </>
  )
}

export function decisionText(decision: Decisions[string]): ReactNode {
  switch (decision.decision) {
    case 'map':
      return (
        <>
          → <bdi>{decision.clientName ?? 'the client'}</bdi>
        </>
      )
    case 'create_new':
      return 'A new client'
    case 'skip':
      return 'Skipped'
    case 'review':
      return 'Review later'
  }
}
