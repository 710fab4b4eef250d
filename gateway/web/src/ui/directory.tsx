import { Select, type SelectProps } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'

import { useMappedDirectories } from '../api/mapped'
import { fitting } from './fitting'

// DirectoryPicker chooses one of the directories that are mapped to a client.
export function DirectoryPicker({ value, onChange, ...props }: { value: string; onChange: (managedTenantId: string, name: string, clientId: string) => void } & Omit<SelectProps, 'value' | 'onChange' | 'data'>) {
  const [q, setQ] = useState('')
  const [typed] = useDebouncedValue(q, 200)
  const mappings = useMappedDirectories(typed)
  const list = mappings.data?.mappings ?? []
  const answered = q === typed && !mappings.isPlaceholderData
  const options = list.map((mapping) => ({ value: mapping.managedTenantId, label: mapping.displayName }))
  return (
    <Select
      placeholder="Find a directory"
      searchable
      {...props}
      value={value || null}
      onSearchChange={(text) => setQ(list.some((mapping) => mapping.displayName === text) ? '' : text)}
      data={answered ? options : fitting(options, q)}
      filter={({ options }) => options}
      nothingFoundMessage={!answered || mappings.isFetching ? 'Searching…' : mappings.isError ? 'Directories cannot be searched now. Try again.' : 'No such directory is mapped'}
      onChange={(id) => {
        const mapping = list.find((each) => each.managedTenantId === id)
        onChange(id ?? '', mapping?.displayName ?? '', mapping?.clientId ?? '')
      }}
    />
  )
}
