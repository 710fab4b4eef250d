import { Tooltip } from '@mantine/core'
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { useSyncExternalStore } from 'react'

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'medium' })
const second = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' })

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

// ago says how far a time is from now: "2 hours ago", "in 3 days".
function ago(at: Date, now: number): string {
  const seconds = Math.round((at.getTime() - now) / 1000)
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit)
  }
  // The clock of the page is up to a quarter of a minute behind: what is hardly ahead of it is now.
  return seconds > 20 ? 'in a moment' : 'just now'
}

// One clock for the whole page, so that hundreds of times do not keep hundreds of timers.
let now = Date.now()
const watchers = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

function watch(watcher: () => void): () => void {
  watchers.add(watcher)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of watchers) each()
  }, 15_000)
  return () => {
    watchers.delete(watcher)
    if (watchers.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

function readNow(): number {
  if (timer === undefined) now = Date.now()
  return now
}

export function useNow(): number {
  return useSyncExternalStore(watch, readNow)
}

// Time is relative, with the exact time on hover and focus.
export function Time({ at, never = 'never' }: { at: Timestamp | undefined; never?: string }) {
  const current = useNow()
  if (!at) return <span>{never}</span>
  const date = timestampDate(at)
  return (
    <Tooltip label={exact.format(date)} events={{ hover: true, focus: true, touch: true }}>
      <time dateTime={date.toISOString()} style={{ whiteSpace: 'nowrap' }}>
        {ago(date, current)}
      </time>
    </Tooltip>
  )
}

// Moment is a time to the second, with how long ago that is on hover and focus: where the order counts.
export function Moment({ at }: { at: Timestamp }) {
  const current = useNow()
  const date = timestampDate(at)
  return (
    <Tooltip label={ago(date, current)} events={{ hover: true, focus: true, touch: true }}>
      <time dateTime={date.toISOString()} className="number" style={{ whiteSpace: 'nowrap' }}>
        {second.format(date)}
      </time>
    </Tooltip>
  )
}

// Day is a date without a time.
export function Day({ at }: { at: Timestamp }) {
  return <time dateTime={timestampDate(at).toISOString()}>{day.format(timestampDate(at))}</time>
}

// took is how long something lasted: "4 s", "2 min 5 s", "1 h 12 min".
export function took(from: Timestamp | undefined, to: Timestamp | undefined, current: number): string {
  if (!from) return ''
  const end = to ? timestampDate(to).getTime() : current
  const seconds = Math.max(0, Math.round((end - timestampDate(from).getTime()) / 1000))
  if (seconds === 0) return 'under a second'
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}
