// What an administrator does at the setup once it is done, in a real browser: checks the connection,
// looks after a directory that cannot be read, ends the connection and makes it anew.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { call, connectedOrganisation, look, microsoft, open, signedIn, site, syncedOrganisation } from './browser.mjs'

const entra = '/integrations/entra'
let browser

before(async () => {
  browser = await open()
})
after(() => browser?.close())

test('a connection is checked, ended, and made anew', async () => {
  const organisation = await connectedOrganisation(/Talbot/)
  const status = async () => (await call('GET', `/api${entra}`, undefined, organisation)).status
  const page = await signedIn(browser, 'administrator', { organisation })
  await page.goto(`${site}${entra}/setup`)
  const connect = page.getByRole('region', { name: 'Step 1: Connect' })
  await connect.getByRole('button', { name: 'Check now' }).click()
  await connect.getByText(/^The connection works\. It was tried on \d+ director(y|ies)\.$/).waitFor()
  await look(page, 'setup-checked')
  const dialog = page.getByRole('dialog', { name: 'Disconnect from Microsoft?' })
  await connect.getByRole('button', { name: 'Disconnect' }).click()
  await dialog.getByRole('button', { name: 'Stay connected' }).click()
  await dialog.waitFor({ state: 'detached' })
  assert.equal(await status(), 'connected', 'disconnected by looking')
  await connect.getByRole('button', { name: 'Disconnect' }).click()
  await dialog.getByRole('button', { name: 'Disconnect' }).click()
  await connect.getByText('Disconnected', { exact: true }).waitFor()
  assert.equal(await status(), 'disconnected')
  await look(page, 'setup-disconnected')
  await connect.getByRole('button', { name: 'Connect again at Microsoft' }).click()
  await page.getByRole('link', { name: 'Accept' }).click()
  await connect.getByText('Connected', { exact: true }).waitFor()
  assert.equal(await status(), 'connected')
  await page.context().close()
})

test('a directory that cannot be read says why, and its button leads to what repairs it', async () => {
  const organisation = await syncedOrganisation(/Talbot/)
  const ask = (method, path, body) => call(method, `/api${entra}${path}`, body, organisation)
  const [mapping] = (await ask('GET', '/mappings?state=mapped&q=talbot')).mappings
  const { apps } = await microsoft('GET', '/admin/apps')
  const { clientId } = apps.find((each) => each.name.startsWith('entrasync'))
  await microsoft('POST', '/admin/consents', { clientId, tenant: mapping.entraTenantId })
  await microsoft('POST', '/admin/access-tokens/expire', { tenant: mapping.entraTenantId })
  try {
    await ask('POST', '/discovery', {})
    const page = await signedIn(browser, 'administrator', { organisation })
    await page.goto(`${site}${entra}/setup`)
    const row = page.getByRole('row', { name: /Talbot/ })
    await row.getByText('Cannot be read').waitFor()
    await page.getByText('Everything is set up, but 1 directory cannot be read.', { exact: true }).waitFor()
    await look(page, 'setup-unreadable')
    await row.getByRole('button', { name: /^Repair the consent of Talbot/ }).click()
    // The partner may not consent for this customer: its own administrator has to, on a page of Microsoft's.
    await row.getByText('An administrator of this customer has to agree').waitFor()
    const consent = await row.getByRole('link').getAttribute('href')
    assert.match(consent, /adminconsent/)
    assert.ok((await fetch(consent)).ok, `a dead link: ${consent}`)
    await look(page, 'setup-consent')
    await page.context().close()
  } finally {
    await microsoft('POST', '/admin/consents', { clientId, tenant: mapping.entraTenantId, restore: true })
  }
})
