import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Group, Select, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'

import { useClientName } from '../api/names'
import { ContactService, type Contact } from '../gen/entrasync/syncengine/v1/contact_pb'
import { Icon } from '../ui/icon'
import { TextLink } from '../ui/link'
import { Rows } from '../ui/list'
import { Address } from '../ui/names'
import { Empty, Loading, Page, Problem, State, failed, forbidden } from '../ui/states'
import { Time } from '../ui/time'
import { inactiveReason } from '../ui/words'

// ContactsPage lists the people of all clients.
export function ContactsPage() {
  return (
    <Page title="Contacts" about="People at your clients, and which of them a directory keeps up to date.">
      <ContactList />
    </Page>
  )
}

// ContactList finds contacts, of one client where it is given.
export function ContactList({ clientId = '' }: { clientId?: string }) {
  const [q, setQ] = useState('')
  const [typed] = useDebouncedValue(q, 200)
  const [entra, setEntra] = useState('')
  const [status, setStatus] = useState('')
  const contacts = useInfiniteQuery(ContactService.method.listContacts, { clientId, q: typed, entra, status, pageSize: 50, pageToken: '' }, {
    pageParamKey: 'pageToken',
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  const list = contacts.data?.pages.flatMap((page) => page.contacts) ?? []
  const narrowed = typed !== '' || entra !== '' || status !== ''
  return (
    <Stack>
      {!forbidden(contacts) && (
        <Group className="filters">
          <TextInput label="Find" placeholder="Any word of the name, or an address" leftSection={<Icon name="search" size={16} />} value={q} onChange={(event) => setQ(event.currentTarget.value)} w={{ base: '100%', sm: 320 }} />
          <Select label="Microsoft Entra" placeholder="All" clearable value={entra || null} onChange={(value) => setEntra(value ?? '')} data={[{ value: 'linked', label: 'Linked' }, { value: 'unlinked', label: 'Not linked' }]} />
          <Select label="State" placeholder="All" clearable value={status || null} onChange={(value) => setStatus(value ?? '')} data={[{ value: 'active', label: 'Active' }, { value: 'inactive', label: 'Inactive' }]} />
        </Group>
      )}
      {contacts.isPending ? (
        <Loading lines={8} />
      ) : failed(contacts) ? (
        <Problem error={contacts.error} again={() => void contacts.refetch()} />
      ) : list.length === 0 ? (
        <div className="card">
          <Empty icon="contacts" title={narrowed ? 'Nobody fits' : 'No contacts yet'}>
            {narrowed ? 'Try another word, or fewer conditions.' : 'They come from the application that you use, and from the first sync.'}
          </Empty>
        </div>
      ) : (
        <Rows label="Contacts" head={clientId ? ['Person', 'E-mail', 'State', 'Last sync'] : ['Person', 'E-mail', 'Client', 'State', 'Last sync']} more={contacts.hasNextPage ? () => void contacts.fetchNextPage() : undefined} loading={contacts.isFetchingNextPage}>
          {list.map((contact) => (
            <ContactRow key={contact.id} contact={contact} withClient={clientId === ''} />
          ))}
        </Rows>
      )}
    </Stack>
  )
}

function ContactRow({ contact, withClient }: { contact: Contact; withClient: boolean }) {
  const client = useClientName(withClient ? contact.clientId : undefined)
  return (
    <Table.Tr>
      <Table.Td dir="auto" style={{ overflowWrap: 'anywhere' }}>
        <TextLink to="/contacts/$contactId" params={{ contactId: contact.id }} fw={600}>
          {contact.fullName || 'No name'}
        </TextLink>
        {contact.role && (
          <Text size="sm" c="dimmed">
            {contact.role}
          </Text>
        )}
      </Table.Td>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>{contact.email ? <Address of={contact.email} /> : <Text c="dimmed" inherit component="span">none</Text>}</Table.Td>
      {withClient && (
        <Table.Td dir="auto">
          <TextLink to="/clients/$clientId" params={{ clientId: contact.clientId }} inherit>
            {client || '…'}
          </TextLink>
        </Table.Td>
      )}
      <Table.Td>
        <Group gap="xs">
          <ContactState contact={contact} why />
        </Group>
      </Table.Td>
      <Table.Td>{contact.entraObjectId ? <Time at={contact.lastEntraSyncAt} /> : <Text c="dimmed" inherit component="span">not linked</Text>}</Table.Td>
    </Table.Tr>
  )
}

// ContactState says whether a contact is active and, where why is given, why not.
export function ContactState({ contact, why = false }: { contact: Contact; why?: boolean }) {
  if (contact.deleted) return <State text="Deleted" tone="quiet" />
  if (contact.inactive) {
    return (
      <>
        <State text="Inactive" tone="quiet" />
        {why && contact.entraSyncStatusReason && (
          <Text size="sm" c="dimmed">
            {inactiveReason(contact.entraSyncStatusReason)}
          </Text>
        )}
      </>
    )
  }
  return <State text="Active" tone="good" />
}
