// Icons are drawn here: a browser loads those that are used and no more.
const paths = {
  overview: 'M4 13h6V4H4zM14 20h6V11h-6zM4 20h6v-3H4zM14 7h6V4h-6z',
  setup: 'M4 6h10M18 6h2M4 12h4M12 12h8M4 18h12M20 18h0M14 4v4M8 10v4M16 16v4',
  runs: 'M12 7v5l3 2M3.5 12a8.5 8.5 0 1 0 2.5-6L3.5 8.5M3.5 4v4.5H8',
  queue: 'M4 6h16M4 12h10M4 18h6M16 17l2 2 4-4',
  clients: 'M4 20V6l8-3v17M12 9h8v11M4 20h16M7 9h2M7 13h2M7 17h2M15 13h2M15 17h2',
  contacts: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0',
  settings: 'M12 15.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM12 2.5v3M12 18.5v3M4.2 6.5l2.6 1.5M17.2 16l2.6 1.5M4.2 17.5 6.8 16M17.2 8l2.6-1.5',
  audit: 'M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5',
  explain: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5M9 9.5a2 2 0 1 1 2.5 2c-.4.1-.5.4-.5 1M11 14.5h0',
  webhooks: 'M9 8.5a3.5 3.5 0 1 1 5.5 2.8L17 16M7.5 18.5a3.5 3.5 0 1 1 1.5-6M17 20a3.5 3.5 0 1 0-3-5h-5',
  puzzle: 'M9 4h6v3a2 2 0 1 0 4 0h1v6h-2a2 2 0 1 0 0 4h2v3h-6v-2a2 2 0 1 0-4 0v2H4v-6h2a2 2 0 1 0 0-4H4V7h5z',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  auto: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 3v18M12 7l4.5 0M12 12h6M12 17h4.5',
  sync: 'M4.5 12a7.5 7.5 0 0 1 13-5M19.5 12a7.5 7.5 0 0 1-13 5M18 3v4.5h-4.5M6 21v-4.5h4.5',
  check: 'M5 12.5l4.5 4.5L19 7',
  warning: 'M12 4 2.8 20h18.4zM12 10v4.5M12 17.2h0',
  error: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7.5v5.5M12 16.2h0',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.5M12 7.8h0',
  pause: 'M9 5v14M15 5v14',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5',
  download: 'M12 4v11M7.5 11 12 15.5 16.5 11M4.5 20h15',
  upload: 'M12 16V5M7.5 9 12 4.5 16.5 9M4.5 20h15',
  external: 'M14 4h6v6M20 4l-9 9M17 14v6H4V7h6',
  right: 'M9 5l7 7-7 7',
  down: 'M5 9l7 7 7-7',
  up: 'M5 16l7-7 7 7',
  close: 'M6 6l12 12M18 6 6 18',
  plus: 'M12 5v14M5 12h14',
  minus: 'M6 12h12',
  undo: 'M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3',
  out: 'M14 4H5v16h9M10 12h11M17 8l4 4-4 4',
  link: 'M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 6 6l1-1',
} as const

export type IconName = keyof typeof paths

// Icon is decoration beside a text that says the same.
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false" style={{ flexShrink: 0 }}>
      <path d={paths[name]} />
    </svg>
  )
}
