// Compiled, never run: what the gateway refuses must not compile, and what is always there needs no
// assertion that it is.
import { answerOf, createClient } from '../src/index.js'

export async function types(): Promise<string[]> {
  const client = createClient({ baseUrl: 'https://entrasync.example', token: () => 'token' })
  await client.POST('/api/integrations/entra/mappings/confirm', {
    body: { decisions: [{ managedTenantId: 'id', decision: 'map', clientId: 'client' }] },
  })
  await client.POST('/api/integrations/entra/mappings/confirm', {
    // @ts-expect-error there is no such decision
    body: { decisions: [{ managedTenantId: 'id', decision: 'delete' }] },
  })
  // @ts-expect-error there is no such route
  await client.GET('/api/nothing')
  const page = answerOf(await client.GET('/api/contacts', { params: { query: { pageSize: 10 } } }))
  const detail = answerOf(await client.GET('/api/integrations/entra/sync/runs/{runId}', { params: { path: { runId: 'id' } } }))
  return [...page.contacts.map((contact) => contact.fullName.toUpperCase()), String((detail.run?.counters?.created ?? 0) + 1)]
}
