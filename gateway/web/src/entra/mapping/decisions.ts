import { useCallback, useMemo, useRef, useState } from 'react'

import { useSession } from '../../api/session'
import type { Row } from './rows'

// Decision is what a person decides about one managed tenant.
export interface Decision {
  decision: 'map' | 'skip' | 'review' | 'create_new'
  clientId?: string
  clientName?: string
}

// Seen is what was saved when the person decided. The version is that of all mappings, as digits.
interface Seen {
  version: string
  state: string
  clientId: string
}

// Decisions are those that are not confirmed yet, by managed tenant.
export type Decisions = Record<string, Decision & { seen: Seen }>

function seen({ tenant, version }: Row, own?: ReadonlyMap<bigint, bigint>): Seen {
  let at = version
  for (let next = own?.get(at); next !== undefined; next = own?.get(at)) at = next
  return { version: String(at), state: tenant.state, clientId: tenant.mappedClientId ?? '' }
}

// changed says that another decision about a row was saved since the person decided.
export function changed(row: Row, { seen: before }: Decisions[string]): boolean {
  const now = seen(row)
  return now.state !== before.state || now.clientId !== before.clientId
}

// madeOn is the version that decisions, at least one, were made on: the lowest, so that a confirm is
// refused when somebody has decided since any of them.
export function madeOn(decisions: Decisions): bigint {
  return Object.values(decisions)
    .map((decision) => BigInt(decision.seen.version))
    .reduce((lowest, version) => (version < lowest ? version : lowest))
}

// useDecisions keeps decisions until they are confirmed, also when the page is left or the session
// ends, each with the version that it was made on: the table is asked for again all the time, and what
// somebody else saved meanwhile is not to be written over unseen.
export function useDecisions() {
  const tenant = useSession().data?.tenantId ?? ''
  const key = `entrasync:decisions:${tenant}`
  const [decisions, setDecisions] = useState<Decisions>(() => read(key))
  // What the person's own writes made of a version: rows that are asked for again still have the one before.
  const own = useRef(new Map<bigint, bigint>())
  const store = useCallback(
    (change: (before: Decisions) => Decisions) =>
      setDecisions((before) => {
        const after = change(before)
        write(key, after)
        return after
      }),
    [key],
  )
  return useMemo(
    () => ({
      decisions,
      decide: (row: Row, decision: Decision) => store((before) => ({ ...before, [row.tenant.managedTenantId]: { ...decision, seen: seen(row, own.current) } })),
      decideAll: (rows: Row[], decide: (row: Row) => Decision) =>
        store((before) => ({ ...before, ...Object.fromEntries(rows.map((row) => [row.tenant.managedTenantId, { ...decide(row), seen: seen(row, own.current) }])) })),
      // The person has loaded how it is at a version.
      loaded: (version: bigint) => store((before) => raised(before, version, (madeOn) => madeOn < version)),
      // The person wrote something: nobody else decided between the two versions.
      wrote: (from: bigint, to: bigint) => {
        if (to > from) own.current.set(from, to)
        store((before) => raised(before, to, (madeOn) => madeOn === from))
      },
      undo: (id: string) => store((before) => Object.fromEntries(Object.entries(before).filter(([other]) => other !== id))),
      clear: () => store(() => ({})),
    }),
    [decisions, store],
  )
}

// raised takes decisions for made on another version, where those that they were made on are fit.
function raised(decisions: Decisions, version: bigint, fit: (madeOn: bigint) => boolean): Decisions {
  return Object.fromEntries(
    Object.entries(decisions).map(([id, decision]) => [id, fit(BigInt(decision.seen.version)) ? { ...decision, seen: { ...decision.seen, version: String(version) } } : decision]),
  )
}

function read(key: string): Decisions {
  try {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? '{}') as Decisions
    // Those that an earlier version of the console kept do not say what they were made on.
    return Object.fromEntries(Object.entries(kept).filter(([, decision]) => 'seen' in decision))
  } catch {
    return {}
  }
}

function write(key: string, decisions: Decisions) {
  try {
    sessionStorage.setItem(key, JSON.stringify(decisions))
  } catch {
    // A browser that keeps nothing keeps them in memory.
  }
}
