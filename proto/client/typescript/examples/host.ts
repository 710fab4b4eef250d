// What a host application does: load clients and contacts, connect, follow the feed, and verify
// webhooks. ENTRASYNC_URL and ENTRASYNC_TOKEN say where and as whom, WEBHOOK_LISTEN where it listens.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline/promises'
import { Webhook } from 'standardwebhooks'
import { answerOf, createClient, followChanges } from '../src/index.js'

const api = createClient({ baseUrl: process.env.ENTRASYNC_URL ?? '', token: () => process.env.ENTRASYNC_TOKEN ?? '' })

// Load the host's records. Each has a result of its own.
async function load(): Promise<void> {
  answerOf(await api.PUT('/api/clients:batch', { body: { clients: [{ externalId: 'ts-1', name: 'Type Ltd', website: 'type.example' }] } }))
  const answer = answerOf(
    await api.PUT('/api/contacts:batch', {
      body: { contacts: [{ externalId: 'ts-p1', clientExternalId: 'ts-1', fullName: 'Ada Type', email: 'ada@type.example' }] },
    }),
  )
  for (const result of answer.results) {
    for (const violation of result.violations) throw new Error(`${violation.field}: ${violation.message}`)
  }
  console.log('loaded')
}

// The person's browser signs in at Microsoft and comes back with a code, which the host redeems.
async function connect(): Promise<void> {
  const started = answerOf(await api.POST('/api/integrations/entra/connect', { body: { connectionType: 'direct' } }))
  console.log(`open ${started.authorizeUrl}`)
  const input = createInterface({ input: process.stdin })
  const completionCode = await input.question('')
  input.close()
  answerOf(await api.POST('/api/integrations/entra/connect/complete', { body: { completionCode } }))
  console.log('connected')
}

// Begin with a list, whose cursor says where the feed goes on.
async function follow(): Promise<void> {
  const list = answerOf(await api.GET('/api/contacts', { params: { query: { pageSize: 200 } } }))
  answerOf(await api.PUT('/api/contacts:batch', { body: { contacts: [{ externalId: 'ts-p1', fullName: 'Ada T. Type' }] } }))
  for await (const page of followChanges(api, list.changesCursor ?? '')) {
    // Store page.cursor together with what you made of the changes.
    if (page.changes.some((change) => change.type === 'contact.updated' && change.contact?.fullName === 'Ada T. Type')) break
  }
  console.log('followed')
}

// Ask for webhooks and verify what comes, also after the secret was renewed.
async function webhooks(): Promise<void> {
  const listen = process.env.WEBHOOK_LISTEN ?? ''
  const endpoint = { url: `http://${listen}/entrasync`, events: ['contact.created' as const, 'sync.run.held' as const] }
  const made = answerOf(await api.PUT('/api/webhooks', { body: endpoint }))
  let secret = made.secret ?? ''
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      try {
        new Webhook(secret).verify(Buffer.concat(parts), request.headers as Record<string, string>)
        response.writeHead(204).end()
      } catch {
        response.writeHead(401).end()
      }
    })
  })
  const [host = '', port = ''] = listen.split(':')
  await new Promise<void>((resolve) => server.listen(Number(port), host, resolve))
  for (let turn = 0; turn < 2; turn++) {
    const tested = answerOf(await api.POST('/api/webhooks/{id}/test', { params: { path: { id: made.webhook?.id ?? '' } }, body: {} }))
    if (!tested.delivered) throw new Error(tested.error ?? 'not delivered')
    const renewed = answerOf(await api.PUT('/api/webhooks', { body: { ...endpoint, rotateSecret: true } }))
    secret = renewed.secret ?? ''
  }
  server.close()
  server.closeAllConnections()
  console.log('told')
}

await load()
await connect()
await follow()
await webhooks()
