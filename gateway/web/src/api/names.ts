import { createClient } from '@connectrpc/connect'
import { useQuery as useCall } from '@connectrpc/connect-query'
import { useQuery } from '@tanstack/react-query'

import { DiscoveryService, type ManagedTenant } from '../gen/entrasync/discovery/v1/discovery_pb'
import { ClientService, type Client } from '../gen/entrasync/mapping/v1/client_pb'
import { transport } from './client'

const discovery = createClient(DiscoveryService, transport)

async function allTenants(): Promise<Map<string, ManagedTenant>> {
  const found = new Map<string, ManagedTenant>()
  let pageToken = ''
  do {
    const page = await discovery.listManagedTenants({ pageSize: 200, pageToken })
    for (const tenant of page.managedTenants) found.set(tenant.managedTenantId, tenant)
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  return found
}

export const tenantsKey = ['managed-tenants']

// useTenants has every managed tenant by its id; empty until they are known.
export function useTenants() {
  return useQuery({ queryKey: tenantsKey, queryFn: allTenants, staleTime: 60_000 })
}

// useClient is a client with its mappings; undefined until it is known.
export function useClient(id: string | undefined): Client | undefined {
  return useCall(ClientService.method.getClient, { id: id ?? '' }, { enabled: id !== undefined && id !== '', staleTime: 300_000 }).data?.client
}

// useClientName is the name of a client; the empty text until it is known.
export function useClientName(id: string | undefined): string {
  return useClient(id)?.name ?? ''
}
