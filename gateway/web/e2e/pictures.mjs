// Takes the pictures of the guide anew, at a stack on which the browser tests have run:
//
//	npm run pictures
import { fileURLToPath } from 'node:url'

import { call, microsoft, ended, open, signedIn, site } from './browser.mjs'

const entra = `${site}/integrations/entra`
const images = new URL('../../../docs/images/', import.meta.url)

const browser = await open()
const page = await signedIn(browser, 'administrator', { viewport: { width: 1280, height: 960 }, colorScheme: 'light' })

async function picture(name, address, ready) {
  await page.goto(address)
  await page.getByText(ready, { exact: false }).first().waitFor()
  await page.waitForLoadState('networkidle')
  await page.mouse.move(0, 0)
  await page.screenshot({ path: fileURLToPath(new URL(`${name}.png`, images)) })
}

await picture('overview', entra, 'What the last syncs did')
await picture('mapping', `${entra}/mapping`, 'Mapped (')
const { contacts } = await call('GET', '/api/contacts?q=sandra&entra=linked&pageSize=1')
await picture('explain', `${entra}/explain?q=${contacts[0].fullName}&id=${contacts[0].entraObjectId}`, 'Step by step')

// A held run is made and undone.
const { mappings } = await call('GET', '/api/integrations/entra/mappings?state=mapped&q=halvorsen')
const [mapping] = mappings
const people = (await call('GET', `/api/contacts?clientId=${mapping.clientId}&entra=linked&status=active&pageSize=200`)).contacts
const set = (accountEnabled) =>
  microsoft('POST', '/admin/changes', { changes: people.map((contact) => ({ kind: 'edit', tenant: mapping.entraTenantId, user: contact.entraObjectId, set: { accountEnabled } })) })
const sync = async () => {
  const { runId } = await call('POST', '/api/integrations/entra/sync', { scope: 'single-client', clientId: mapping.clientId })
  await ended(runId)
  return runId
}
await set(false)
try {
  await picture('held', `${entra}/runs/${await sync()}`, 'Who would become inactive')
} finally {
  await set(true)
  await sync()
}
await browser.close()
