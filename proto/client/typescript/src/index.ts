// Typed client of entrasync for host applications. The types are generated from the OpenAPI
// description, which the gateway makes from the contracts: what the gateway refuses does not compile.
import createFetchClient, { type Client } from 'openapi-fetch'
import type { components, paths } from './schema.js'

export type { components, paths }
export type EntrasyncClient = Client<paths>
export type Change = components['schemas']['Change']

export interface ClientOptions {
  /** The gateway's address, for example https://entrasync.example. */
  baseUrl: string
  /** The bearer token of the next call; called each time, so that it may be renewed. */
  token: () => string | Promise<string>
  fetch?: typeof globalThis.fetch
}

/** Makes a client: client.GET('/api/contacts', { params: { query: { q: 'berg' } } }). */
export function createClient(options: ClientOptions): EntrasyncClient {
  const client = createFetchClient<paths>({
    baseUrl: options.baseUrl,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  })
  client.use({
    async onRequest({ request }) {
      request.headers.set('Authorization', `Bearer ${await options.token()}`)
      return request
    },
  })
  return client
}

/** A refusal or a failure, as RFC 9457 says; code is stable. */
export class EntrasyncError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
    this.name = 'EntrasyncError'
  }
}

/** The answer of a call, or an EntrasyncError. */
export function answerOf<T>(result: { data?: T; error?: unknown; response: Response }): T {
  if (result.data !== undefined) return result.data
  const problem = (typeof result.error === 'object' && result.error !== null ? result.error : {}) as { code?: string; detail?: string }
  throw new EntrasyncError(result.response.status, problem.code ?? '', problem.detail ?? result.response.statusText)
}

/**
 * Follows the change feed from a cursor, page by page, and waits for what comes. Keep the cursor of a
 * page together with what you made of its changes. Throws an EntrasyncError with code cursor_expired
 * where the cursor is older than what is kept: list the contacts again and go on from changesCursor.
 */
export async function* followChanges(
  client: EntrasyncClient,
  cursor: string,
  signal?: AbortSignal,
): AsyncGenerator<{ changes: Change[]; cursor: string }> {
  let at = cursor
  while (signal?.aborted !== true) {
    const page = answerOf(
      await client.GET('/api/contacts/changes', {
        params: { query: { cursor: at, pageSize: 200, waitSeconds: 20 } },
        ...(signal === undefined ? {} : { signal }),
      }),
    )
    at = page.nextCursor
    if (page.changes.length > 0) yield { changes: page.changes, cursor: at }
  }
}
