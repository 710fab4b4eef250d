import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'

import { IntegrationsPage } from './integrations/page'
import { NotFoundPage } from './shell/notfound'
import { Shell } from './shell/shell'
import { Loading, Page, Problem } from './ui/states'

const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage })

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/integrations' })
  },
})

const integrations = createRoute({ getParentRoute: () => root, path: '/integrations', component: IntegrationsPage })

// The Entra screens are a chunk of their own, loaded when the first of them is opened.
const entraScreens = () => import('./entra/screens')
const recordScreens = () => import('./records/screens')

const entra = createRoute({
  getParentRoute: () => root,
  path: '/integrations/entra',
  component: lazyRouteComponent(entraScreens, 'EntraFrame'),
})
const overview = createRoute({ getParentRoute: () => entra, path: '/', component: lazyRouteComponent(entraScreens, 'OverviewPage') })
const runs = createRoute({
  getParentRoute: () => entra,
  path: '/runs',
  validateSearch: (search: Record<string, unknown>): { type?: string; state?: string; clientId?: string } => ({
    type: text(search.type),
    state: text(search.state),
    clientId: text(search.clientId),
  }),
  component: lazyRouteComponent(entraScreens, 'RunsPage'),
})
const run = createRoute({ getParentRoute: () => entra, path: '/runs/$runId', component: lazyRouteComponent(entraScreens, 'RunPage') })

const mapping = createRoute({ getParentRoute: () => entra, path: '/mapping', component: lazyRouteComponent(entraScreens, 'MappingPage') })
const setup = createRoute({
  getParentRoute: () => entra,
  path: '/setup',
  validateSearch: (search: Record<string, unknown>): { entra_status?: string; error?: string } => ({ entra_status: text(search.entra_status), error: text(search.error) }),
  component: lazyRouteComponent(entraScreens, 'SetupPage'),
})

const queueFrame = createRoute({ getParentRoute: () => entra, id: 'queue', component: lazyRouteComponent(entraScreens, 'QueueFrame') })
const queue = createRoute({ getParentRoute: () => queueFrame, path: '/queue', validateSearch: (search: Record<string, unknown>): { item?: string } => ({ item: text(search.item) }), component: lazyRouteComponent(entraScreens, 'QueuePage') })
const settings = createRoute({ getParentRoute: () => entra, path: '/settings', component: lazyRouteComponent(entraScreens, 'SettingsPage') })

const ownSettings = createRoute({ getParentRoute: () => entra, path: '/settings/$managedTenantId', component: lazyRouteComponent(entraScreens, 'OwnSettingsPage') })

const explain = createRoute({
  getParentRoute: () => entra,
  path: '/explain',
  validateSearch: (search: Record<string, unknown>): { q?: string; directory?: string; id?: string } => ({ q: text(search.q), directory: text(search.directory), id: text(search.id) }),
  component: lazyRouteComponent(entraScreens, 'ExplainPage'),
})

const clients = createRoute({ getParentRoute: () => root, path: '/clients', component: lazyRouteComponent(recordScreens, 'ClientsPage') })
const client = createRoute({ getParentRoute: () => root, path: '/clients/$clientId', component: lazyRouteComponent(recordScreens, 'ClientPage') })
const contacts = createRoute({ getParentRoute: () => root, path: '/contacts', component: lazyRouteComponent(recordScreens, 'ContactsPage') })
const contact = createRoute({ getParentRoute: () => root, path: '/contacts/$contactId', component: lazyRouteComponent(recordScreens, 'ContactPage') })
const webhooks = createRoute({ getParentRoute: () => root, path: '/webhooks', component: lazyRouteComponent(() => import('./webhooks/screens'), 'WebhooksPage') })
const audit = createRoute({ getParentRoute: () => root, path: '/audit', component: lazyRouteComponent(recordScreens, 'AuditPage') })

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export const router = createRouter({
  routeTree: root.addChildren([home, integrations, entra.addChildren([overview, setup, mapping, runs, run, queueFrame.addChildren([queue]), settings, ownSettings, explain]), clients, client, contacts, contact, webhooks, audit]),
  defaultPreload: 'intent',
  defaultPendingComponent: () => <Loading />,
  defaultErrorComponent: ({ error, reset }) => (
    <Page title="Something went wrong">
      <Problem error={error} again={reset} />
    </Page>
  ),
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
