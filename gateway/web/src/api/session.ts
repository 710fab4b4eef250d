import { queryOptions, useQuery } from '@tanstack/react-query'

// Session is who uses the console, as /auth/session says.
export interface Session {
  tenantId: string
  userId: string
  name: string
  email: string
  userType: string
  permissions: string[]
  flags: Record<string, boolean>
  csrfToken?: string
  expiresAt?: string
}

// SignedOut means that nobody is signed in, or no longer.
export class SignedOut extends Error {}

// What the next calls carry. A host application that embeds the console hands over a bearer token;
// else the browser's cookie says who calls, and changes carry the CSRF token beside it.
let csrfToken = ''
let bearer = ''

export function callHeaders(): Record<string, string> {
  if (bearer !== '') return { Authorization: `Bearer ${bearer}` }
  return csrfToken === '' ? {} : { 'X-CSRF-Token': csrfToken }
}

// useBearer makes all further calls with a token of the host application.
export function setBearer(token: string) {
  bearer = token
}

// early is the answer that first.js asked for before this script was there. It counts once.
let early = (window as { entrasyncSession?: Promise<Response> }).entrasyncSession

async function fetchSession(): Promise<Session> {
  const asked = bearer === '' ? early : undefined
  early = undefined
  const response = await (asked ?? fetch('/auth/session', { headers: callHeaders(), cache: 'no-store' }))
  if (response.status === 401) throw new SignedOut()
  if (!response.ok) throw new Error(await problemText(response))
  const session = (await response.json()) as Session
  csrfToken = session.csrfToken ?? ''
  return session
}

// problemText is what an answer of the gateway says about its failure.
async function problemText(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { detail?: string }
    if (problem.detail) return problem.detail
  } catch {
    // Not the gateway's own answer: a proxy's, or none.
  }
  return 'The server did not answer as expected. Try again in a minute.'
}

export const sessionKey = ['session']

export const sessionQuery = queryOptions({
  queryKey: sessionKey,
  queryFn: fetchSession,
  staleTime: 2_000,
  retry: (count, error) => !(error instanceof SignedOut) && count < 2,
})

// useSession also watches the flags: what is turned off elsewhere vanishes here within seconds.
export function useSession() {
  return useQuery({ ...sessionQuery, refetchInterval: 5_000, refetchOnWindowFocus: 'always' })
}

export function signInAddress(): string {
  return '/auth/sign-in?returnTo=' + encodeURIComponent(location.pathname + location.search)
}

// signOut ends the session here or, with everywhere, in all of the person's browsers, and returns
// where the browser goes on.
export async function signOut(everywhere: boolean): Promise<string> {
  const response = await fetch('/auth/sign-out', {
    method: 'POST',
    headers: { ...callHeaders(), 'Content-Type': 'application/json' },
    body: JSON.stringify({ everywhere }),
  })
  if (!response.ok && response.status !== 401) throw new Error(await problemText(response))
  const said = (await response.json().catch(() => ({}))) as { endSessionUrl?: string }
  return said.endSessionUrl ?? '/'
}
