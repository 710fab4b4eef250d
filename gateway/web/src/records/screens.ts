// The screens of the host's records, and of what was done: one chunk, loaded on demand.
export { AuditPage } from './audit'
export { ClientsPage } from './clients'
