import { useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'

import { tenantsKey } from './names'

// useAskAgain lets everything that is shown be asked for again, after something has changed.
export function useAskAgain() {
  const client = useQueryClient()
  return useCallback(
    () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ['connect-query'] }),
        client.invalidateQueries({ queryKey: tenantsKey }),
      ]),
    [client],
  )
}

