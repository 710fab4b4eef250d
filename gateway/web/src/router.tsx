import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect, stripSearchParams } from '@tanstack/react-router'

import { IntegrationsPage } from './integrations/page'
import { NotFoundPage } from './shell/notfound'
import { Shell } from './shell/shell'
import { Loading, Problem } from './ui/states'

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
  validateSearch: (search: Record<string, unknown>) => ({ type: text(search.type), state: text(search.state), clientId: text(search.clientId) }),
  search: { middlewares: [stripSearchParams({ type: '', state: '', clientId: '' })] },
  component: lazyRouteComponent(entraScreens, 'RunsPage'),
})
const run = createRoute({ getParentRoute: () => entra, path: '/runs/$runId', component: lazyRouteComponent(entraScreens, 'RunPage') })

const clients = createRoute({ getParentRoute: () => root, path: '/clients', component: lazyRouteComponent(recordScreens, 'ClientsPage') })
const audit = createRoute({ getParentRoute: () => root, path: '/audit', component: lazyRouteComponent(recordScreens, 'AuditPage') })

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export const router = createRouter({
  routeTree: root.addChildren([home, integrations, entra.addChildren([overview, runs, run]), clients, audit]),
  defaultPreload: 'intent',
  defaultPendingComponent: () => <Loading />,
  defaultErrorComponent: ({ error, reset }) => <Problem error={error} again={reset} />,
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
