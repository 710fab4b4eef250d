import { useCallback, useMemo, useState } from 'react'

import { useSession } from '../../api/session'

// Decision is what the person decided about one managed tenant and has not confirmed yet.
export interface Decision {
  decision: 'map' | 'skip' | 'review' | 'create_new'
  clientId?: string
  clientName?: string
}

export type Decisions = Record<string, Decision>

// useDecisions keeps decisions until they are confirmed, also when the page is left or the session ends.
export function useDecisions() {
  const tenant = useSession().data?.tenantId ?? ''
  const key = `entrasync:decisions:${tenant}`
  const [decisions, setDecisions] = useState<Decisions>(() => read(key))
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
      decide: (id: string, decision: Decision) => store((before) => ({ ...before, [id]: decision })),
      decideAll: (all: Decisions) => store((before) => ({ ...before, ...all })),
      undo: (id: string) => store((before) => Object.fromEntries(Object.entries(before).filter(([other]) => other !== id))),
      clear: () => store(() => ({})),
    }),
    [decisions, store],
  )
}

function read(key: string): Decisions {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? '{}') as Decisions
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
