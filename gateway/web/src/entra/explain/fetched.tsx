import { Stack, Table, Title } from '@mantine/core'

import type { FetchedPerson } from '../../gen/entrasync/syncengine/v1/explain_pb'
import { addressText } from '../../ui/domain'
import { count } from '../../ui/words'

// Fetched lists what the directory says of the person, so that the steps can be checked by it. What it
// does not say has no row, but for whether the account is enabled and its licences: filters ask for those.
export function Fetched({ person, kept }: { person: FetchedPerson; kept: boolean }) {
  const rows: [string, string[]][] = [
    ['Account', [person.accountEnabled === undefined ? 'not known whether enabled' : person.accountEnabled ? 'enabled' : 'disabled']],
    ['Kind', [person.userType]],
    ['Licences', [person.licenceCount === undefined ? 'not known' : count(person.licenceCount)]],
    ['In the chosen groups', [person.inChosenGroups === undefined ? '' : person.inChosenGroups ? 'yes' : 'no']],
    ['Sign-in name', [addressText(person.userPrincipalName)]],
    ['Display name', [person.displayName]],
    ['Given name', [person.givenName]],
    ['Family name', [person.surname]],
    ['Job title', [person.jobTitle]],
    ['Department', [person.department]],
    ['Mobile phone', [person.mobilePhone]],
    ['Business phones', person.businessPhones],
    ['Mail', [addressText(person.mail)]],
    ['Addresses of the mailbox', person.proxyAddresses.map(addressText)],
    ['Other mail addresses', person.otherMails.map(addressText)],
  ]
  return (
    <Stack className="card" p="lg" gap="sm" component="section" aria-labelledby="fetched">
      <Title order={2} size="h4" id="fetched">
        {kept ? 'What the last sync read' : 'What Microsoft says'}
      </Title>
      <Table verticalSpacing={4}>
        <Table.Tbody>
          {rows
            .filter(([, values]) => values.some((value) => value !== ''))
            .map(([name, values]) => (
              <Table.Tr key={name}>
                <Table.Th scope="row" fw={500} w={{ base: 130, sm: 200 }} style={{ verticalAlign: 'top' }}>
                  {name}
                </Table.Th>
                <Table.Td style={{ overflowWrap: 'anywhere' }}>
                  {values.map((value, i) => (
                    <div key={i} dir="auto">
                      {value}
                    </div>
                  ))}
                </Table.Td>
              </Table.Tr>
            ))}
        </Table.Tbody>
      </Table>
    </Stack>
  )
}
