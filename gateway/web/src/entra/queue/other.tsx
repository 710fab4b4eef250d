import { useQuery } from '@connectrpc/connect-query'
import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData } from '@tanstack/react-query'
import { useState } from 'react'

import { ContactService } from '../../gen/entrasync/syncengine/v1/contact_pb'
import { addressText } from '../../ui/domain'
import { fitting } from '../../ui/fitting'

// OtherContact finds a contact of the item's client that the sync did not propose.
export function OtherContact({ clientId, pick, pending }: { clientId: string; pick: (contactId: string, name: string) => void; pending: boolean }) {
  const [q, setQ] = useState('')
  const [typed] = useDebouncedValue(q, 200)
  const contacts = useQuery(ContactService.method.listContacts, { clientId, q: typed, entra: 'unlinked', pageSize: 30 }, { placeholderData: keepPreviousData })
  const answered = q === typed && !contacts.isPlaceholderData
  const list = contacts.data?.contacts ?? []
  const options = list.map((contact) => ({ value: contact.id, label: contact.email ? `${contact.fullName || 'No name'} · ${addressText(contact.email)}` : contact.fullName || 'No name' }))
  return (
    <Select
      label="Another contact of this client"
      description="Only contacts that are not linked yet."
      placeholder="Find by name or address"
      searchable
      autoFocus
      disabled={pending}
      searchValue={q}
      onSearchChange={setQ}
      value={null}
      data={answered ? options : fitting(options, q)}
      filter={({ options }) => options}
      nothingFoundMessage={!answered || contacts.isFetching ? 'Searching…' : contacts.isError ? 'Contacts cannot be searched now. Try again.' : 'No such contact of this client'}
      onChange={(id) => {
        const contact = list.find((each) => each.id === id)
        if (contact) pick(contact.id, contact.fullName || contact.email)
      }}
    />
  )
}
