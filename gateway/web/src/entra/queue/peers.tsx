import { Table, Text } from '@mantine/core'

import type { Peer } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { Rows } from '../../ui/list'
import { Address } from '../../ui/names'
import { State } from '../../ui/states'
import { count } from '../../ui/words'

// Peers are the other accounts of the directory that share an address with the one in question.
export function Peers({ peers }: { peers: Peer[] }) {
  if (peers.length === 0) return null
  return (
    <div>
      <Text size="sm" fw={600} mb="xs">
        Other accounts with this address
      </Text>
      <Rows label="Other accounts with this address" head={['Account', 'State', 'Licences', 'Kind']}>
        {peers.map((peer) => (
          <Table.Tr key={peer.entraObjectId}>
            <Table.Td style={{ overflowWrap: 'anywhere' }}>
              <Text size="sm" fw={600} dir="auto">
                {peer.displayName || 'No name'}
              </Text>
              <Text size="sm" c="dimmed">
                <Address of={peer.userPrincipalName} />
              </Text>
            </Table.Td>
            <Table.Td>{peer.accountEnabled === undefined ? '–' : peer.accountEnabled ? <State text="Enabled" tone="good" /> : <State text="Disabled" tone="quiet" />}</Table.Td>
            <Table.Td className="number">{peer.assignedLicenceCount === undefined ? '–' : count(peer.assignedLicenceCount)}</Table.Td>
            <Table.Td>{peer.userType || '–'}</Table.Td>
          </Table.Tr>
        ))}
      </Rows>
    </div>
  )
}
