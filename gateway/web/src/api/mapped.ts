import { useQuery } from '@connectrpc/connect-query'
import { keepPreviousData } from '@tanstack/react-query'

import { MappingService } from '../gen/entrasync/mapping/v1/mapping_pb'

// useMappedDirectories finds directories that are mapped to a client by a word of their names, for a
// person to choose one of; at most 50.
export function useMappedDirectories(q: string) {
  return useQuery(MappingService.method.listMappings, { state: 'mapped', q, pageSize: 50 }, { placeholderData: keepPreviousData })
}
