import { useQuery } from '@connectrpc/connect-query'
import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData } from '@tanstack/react-query'
import { useState } from 'react'

import { ClientService } from '../../gen/entrasync/mapping/v1/client_pb'
import { fitting } from '../../ui/fitting'

// ClientPicker finds a client by any word of its name or by a domain.
export function ClientPicker({ label, suggested, onPick, onClose }: { label: string; suggested: { id: string; name: string }[]; onPick: (client: { id: string; name: string }) => void; onClose: () => void }) {
  const [q, setQ] = useState('')
  const [typed] = useDebouncedValue(q, 200)
  const clients = useQuery(ClientService.method.listClients, { q: typed, pageSize: 30 }, { placeholderData: keepPreviousData })
  const found = (clients.data?.clients ?? []).filter((client) => !client.deleted).map((client) => ({ id: client.id, name: client.name }))
  const list = typed === '' ? [...suggested, ...found.filter((client) => !suggested.some((s) => s.id === client.id))] : found
  const answered = q === typed && !clients.isPlaceholderData
  const options = list.map((client) => ({ value: client.id, label: client.name }))
  return (
    <Select
      aria-label={label}
      placeholder="Find a client by name or domain"
      searchable
      autoFocus
      defaultDropdownOpened
      searchValue={q}
      onSearchChange={setQ}
      value={null}
      data={answered ? options : fitting(options, q)}
      filter={({ options }) => options}
      nothingFoundMessage={!answered || clients.isFetching ? 'Searching…' : clients.isError ? 'Clients cannot be searched now. Try again.' : 'No such client'}
      onChange={(id) => {
        const client = list.find((candidate) => candidate.id === id)
        if (client) onPick(client)
      }}
      onDropdownClose={onClose}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose()
      }}
      comboboxProps={{ withinPortal: true }}
      w="100%"
    />
  )
}
