// The screens of the host's records, and of what was done: one chunk, loaded on demand.
export { AuditPage } from './audit'
export { ClientPage } from './client'
export { ClientsPage } from './clients'
export { ContactPage } from './contact'
export { ContactsPage } from './contacts'
