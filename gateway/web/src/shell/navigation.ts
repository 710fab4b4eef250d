import { flags } from '../api/flags'
import type { IconName } from '../ui/icon'

interface Entry {
  to: string
  label: string
  icon: IconName
  // The flags that must be on for it to be shown.
  needs: string[]
  exact?: boolean
}

export const groups: { title: string; entries: Entry[] }[] = [
  {
    title: 'Microsoft Entra',
    entries: [
      { to: '/integrations/entra', label: 'Overview', icon: 'overview', needs: [flags.ui], exact: true },
      { to: '/integrations/entra/setup', label: 'Setup', icon: 'setup', needs: [flags.ui] },
      { to: '/integrations/entra/mapping', label: 'Mapping', icon: 'link', needs: [flags.ui] },
      { to: '/integrations/entra/runs', label: 'Sync history', icon: 'runs', needs: [flags.ui] },
      { to: '/integrations/entra/queue', label: 'Review queue', icon: 'queue', needs: [flags.ui, flags.queue] },
      { to: '/integrations/entra/explain', label: 'Explain a person', icon: 'explain', needs: [flags.ui] },
      { to: '/integrations/entra/settings', label: 'Settings', icon: 'settings', needs: [flags.ui] },
    ],
  },
  {
    title: 'Records',
    entries: [
      { to: '/clients', label: 'Clients', icon: 'clients', needs: [] },
      { to: '/contacts', label: 'Contacts', icon: 'contacts', needs: [] },
    ],
  },
  {
    title: 'Organisation',
    entries: [
      { to: '/integrations', label: 'Integrations', icon: 'puzzle', needs: [], exact: true },
      { to: '/webhooks', label: 'Webhooks', icon: 'webhooks', needs: [] },
      { to: '/audit', label: 'Audit trail', icon: 'audit', needs: [] },
    ],
  },
]
