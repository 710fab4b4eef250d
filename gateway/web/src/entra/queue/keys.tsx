import { Kbd, Table, Text } from '@mantine/core'

import { Dialog } from '../../ui/dialog'

const keys: [string[], string][] = [
  [['↓', 'j'], 'The next person'],
  [['↑', 'k'], 'The person before'],
  [['1', '…', '9'], 'It is this contact'],
  [['s'], 'What is suggested'],
  [['n'], 'Create a new contact'],
  [['o'], 'Another contact of this client'],
  [['d'], 'Dismiss'],
  [['?'], 'These keys'],
]

// Keys says which keys there are while the list has the focus.
export function Keys({ close }: { close: () => void }) {
  return (
    <Dialog onClose={close} title="Keyboard shortcuts">
      <Text mb="sm">They work while the list of people has the focus.</Text>
      <Table aria-label="Keys">
        <Table.Tbody>
          {keys.map(([names, what]) => (
            <Table.Tr key={what}>
              <Table.Th style={{ whiteSpace: 'nowrap' }}>
                {names.map((name) => (name === '…' ? ' … ' : <Kbd key={name} mr={4}>{name}</Kbd>))}
              </Table.Th>
              <Table.Td>{what}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Dialog>
  )
}
