// The Entra screens: one module, so that they are one chunk that is loaded on demand.
export { EntraFrame, QueueFrame } from './frame'
export { MappingPage } from './mapping/page'
export { OverviewPage } from './overview/page'
export { QueuePage } from './queue/page'
export { RunPage } from './runs/run'
export { RunsPage } from './runs/page'
export { SettingsPage } from './settings/page'
export { SetupPage } from './setup/page'
