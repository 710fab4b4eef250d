import { fromJsonString } from '@bufbuild/protobuf'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { useEffect, useState } from 'react'

import { callHeaders } from '../../api/session'
import { RunProgressSchema, type RunProgress, type TenantProgress } from '../../gen/entrasync/syncengine/v1/progress_pb'
import { underWay } from '../../ui/words'

// Progress is how far a run has come, as its events tell.
export interface Progress {
  run: RunProgress
  tenants: ReadonlyMap<string, TenantProgress>
}

// The waits between tries, in ms; the last one stays.
const waits = [500, 1_000, 2_000, 5_000, 10_000]

// useProgress listens to the events of a run while it is under way; undefined until the first comes.
// A connection that breaks is made again, and goes on from the last event.
export function useProgress(runId: string, wanted: boolean): Progress | undefined {
  const [progress, setProgress] = useState<Progress>()
  useEffect(() => {
    if (!wanted) return
    const abort = new AbortController()
    void follow(runId, abort.signal, (told) =>
      setProgress((before) => {
        const tenants = new Map(before?.run.runId === runId ? before.tenants : [])
        for (const tenant of told.tenants) tenants.set(tenant.managedTenantId, tenant)
        return { run: told, tenants }
      }),
    )
    return () => abort.abort()
  }, [runId, wanted])
  return progress?.run.runId === runId ? progress : undefined
}

// follow tells of every event until the run has ended or nobody listens any more. Where events are
// refused it gives up: whoever shows the run asks for it now and then all the same.
async function follow(runId: string, signal: AbortSignal, tell: (progress: RunProgress) => void): Promise<void> {
  let last = ''
  for (let failed = 0; !signal.aborted; failed++) {
    try {
      const response = await fetch(`/api/integrations/entra/sync/runs/${encodeURIComponent(runId)}/events`, {
        headers: { ...callHeaders(), Accept: 'text/event-stream', ...(last === '' ? {} : { 'Last-Event-ID': last }) },
        cache: 'no-store',
        signal,
      })
      if (response.status === 204 || (response.status >= 400 && response.status < 500 && response.status !== 429)) return
      if (response.ok && response.body) {
        const events = response.body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).pipeThrough(new EventSourceParserStream())
        for (const reader = events.getReader(); ; ) {
          const { done, value } = await reader.read()
          if (done) break
          failed = 0
          last = value.id ?? last
          const told = fromJsonString(RunProgressSchema, value.data, { ignoreUnknownFields: true })
          tell(told)
          if (!underWay(told.state)) return
        }
      }
    } catch {
      // The connection broke, or nobody listens any more.
    }
    await pause(waits[Math.min(failed, waits.length - 1)] ?? 0, signal)
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done, { once: true })
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
