// The webhooks: a chunk of their own, loaded on demand.
export { WebhooksPage } from './page'
