import type { UnreadableTenant } from '../../gen/entrasync/discovery/v1/discovery_pb'
import type { GetStatusResponse } from '../../gen/entrasync/gateway/v1/gateway_pb'
import { count, counted, parted, type Tone } from '../../ui/words'

// Need is something that a person should do, with the one place where it is done.
export interface Need {
  key: string
  tone: Tone
  title: string
  remedy: string
  number?: string // Microsoft's
  names: string[]
  action?: { label: string; to: string; params?: Record<string, string> }
}

// needs lists what a person should look at, the gravest first: many entries of one cause are one need.
// The queue is left out while its flag is off, as it cannot be opened then. Who may not change anything
// is not asked to decide.
export function needs(status: GetStatusResponse, unreadable: UnreadableTenant[], queue: boolean, mayChange: boolean): Need[] {
  const found = new Map<string, Need>()
  for (const entry of status.attention) {
    if (entry.code === 'queue_open' && !queue) continue
    const known = found.get(entry.code)
    const need: Need = known ?? {
      key: entry.code,
      tone: toneOf(entry.code),
      title: titleOf(entry.code, parted(entry.message).sentence, entry.count, mayChange),
      remedy: entry.remedy,
      number: parted(entry.message).number,
      names: [],
      action: actionOf(entry.code, entry.managedTenantId !== undefined, status, mayChange),
    }
    const name = unreadable.find((tenant) => tenant.managedTenantId === entry.managedTenantId)?.displayName
    if (name) need.names.push(name)
    found.set(entry.code, need)
  }
  const list = [...found.values()]
  const run = status.lastRun
  if (run && run.failedTenants > 0 && !found.has('run_failed') && !found.has('tenants_failed')) {
    list.push({
      key: 'failed',
      tone: 'bad',
      title: `${counted(run.failedTenants, 'directory', 'directories')} failed in the last sync`,
      remedy: 'Look at the causes; those of one kind are mended together.',
      names: [],
      action: { label: 'Look at the causes', to: '/integrations/entra/runs/$runId', params: { runId: run.runId } },
    })
  }
  if (status.status === 'connected' && !run && !found.has('part_unavailable') && (status.mappingSummary?.mapped ?? 0) + (status.mappingSummary?.createNew ?? 0) > 0) {
    list.push({
      key: 'never_synced',
      tone: 'warn',
      title: 'Nothing was synced yet',
      remedy: 'The first sync compares your contacts with the directories that are mapped.',
      names: [],
      action: { label: 'To the first sync', to: '/integrations/entra/setup' },
    })
  }
  const undecided = status.mappingSummary?.undecided ?? 0
  if (undecided > 0) {
    list.push({
      key: 'undecided',
      tone: 'warn',
      title: `${counted(undecided, 'directory is', 'directories are')} not mapped to a client yet`,
      remedy: 'They are not synced until they are mapped.',
      names: [],
      action: { label: mayChange ? 'Map them' : 'See the mapping', to: '/integrations/entra/mapping' },
    })
  }
  const order: Record<Tone, number> = { bad: 0, warn: 1, busy: 2, quiet: 3, good: 4 }
  return list.sort((a, b) => order[a.tone] - order[b.tone])
}

function toneOf(code: string): Tone {
  return ['queue_open', 'access_ending', 'run_held', 'schedule_paused'].includes(code) ? 'warn' : 'bad'
}

function titleOf(code: string, message: string, n: number | undefined, mayChange: boolean): string {
  if (code === 'queue_open' && n !== undefined) return `${count(n)} ${n === 1 ? 'person waits' : 'people wait'} for ${mayChange ? 'your' : 'a'} decision`
  if (code === 'tenants_failed' && n !== undefined) return `${counted(n, 'directory', 'directories')} failed in the last sync`
  return message
}

function actionOf(code: string, ofTenant: boolean, status: GetStatusResponse, mayChange: boolean): Need['action'] {
  if (code === 'queue_open') return { label: mayChange ? 'Review them' : 'See them', to: '/integrations/entra/queue' }
  if (code === 'run_held' && status.lastRun) {
    return { label: mayChange ? 'Approve or reject' : 'See the run', to: '/integrations/entra/runs/$runId', params: { runId: status.lastRun.runId } }
  }
  if ((code === 'run_failed' || code === 'tenants_failed') && status.lastRun) {
    return { label: 'Look at the causes', to: '/integrations/entra/runs/$runId', params: { runId: status.lastRun.runId } }
  }
  if (code === 'part_unavailable' || code === 'effects_dead') return undefined
  if (ofTenant || code === 'all_tenants_gone') return { label: 'See the directories', to: '/integrations/entra/setup' }
  return { label: mayChange ? 'Check the connection' : 'See the connection', to: '/integrations/entra/setup' }
}
