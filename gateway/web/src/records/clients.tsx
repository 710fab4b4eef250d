import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Table, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'

import { ClientService } from '../gen/entrasync/mapping/v1/client_pb'
import { domainText, siteText } from '../ui/domain'
import { Icon } from '../ui/icon'
import { TextLink } from '../ui/link'
import { Rows } from '../ui/list'
import { Names } from '../ui/names'
import { Empty, Loading, Page, Problem, State, failed, forbidden } from '../ui/states'

// ClientsPage lists the host's clients, with the directory that each belongs to.
export function ClientsPage() {
  const [q, setQ] = useState('')
  const [typed] = useDebouncedValue(q, 200)
  const clients = useInfiniteQuery(ClientService.method.listClients, { q: typed, pageSize: 50, pageToken: '' }, {
    pageParamKey: 'pageToken',
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  const list = clients.data?.pages.flatMap((page) => page.clients) ?? []
  return (
    <Page title="Clients" about="Your customers, and the Microsoft Entra directory of each.">
      {!forbidden(clients) && (
        <TextInput label="Find" placeholder="Any word of the name, or a domain" leftSection={<Icon name="search" size={16} />} value={q} onChange={(event) => setQ(event.currentTarget.value)} maw={360} />
      )}
      {clients.isPending ? (
        <Loading lines={8} />
      ) : failed(clients) ? (
        <Problem error={clients.error} again={() => void clients.refetch()} />
      ) : list.length === 0 ? (
        <div className="card">
          <Empty icon="clients" title={typed ? 'No client fits' : 'No clients yet'}>
            {typed ? 'Try another word, or a domain.' : 'The application that you use sends its clients here. They appear by themselves.'}
          </Empty>
        </div>
      ) : (
        <Rows label="Clients" head={['Client', 'Domain', 'Directory']} more={clients.hasNextPage ? () => void clients.fetchNextPage() : undefined} loading={clients.isFetchingNextPage}>
          {list.map((client) => (
            <Table.Tr key={client.id}>
              <Table.Td dir="auto" style={{ overflowWrap: 'anywhere' }}>
                <TextLink to="/clients/$clientId" params={{ clientId: client.id }} fw={600}>
                  {client.name}
                </TextLink>
              </Table.Td>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{domainText(client.domain) || siteText(client.website) || <Text c="dimmed" inherit component="span">none</Text>}</Table.Td>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>
                {client.mappings.length > 0 ? (
                  <Names of={client.mappings.map((mapping) => mapping.displayName)} />
                ) : client.deleted ? (
                  <State text="Deleted" tone="quiet" />
                ) : (
                  <Text c="dimmed" inherit component="span">not mapped</Text>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Rows>
      )}
    </Page>
  )
}
