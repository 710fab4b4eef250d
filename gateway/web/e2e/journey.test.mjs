// The whole way of an administrator in a real browser, from an organisation of which nothing is known
// but its clients and contacts to a queue in which nobody waits: once with the mouse, once by keyboard
// alone. Nothing is simulated but Microsoft.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'

import { call, callbackAddress, chosen, look, microsoft, newOrganisation, open, pick, signedIn } from './browser.mjs'
import { press, reach, type } from './keys.mjs'

const entra = '/integrations/entra'
let browser

before(async () => {
  browser = await open()
})
after(() => browser?.close())

// registration is an app that the organisation has registered at Microsoft.
async function registration() {
  const app = { clientId: randomUUID(), name: 'Contacts of our own', clientSecret: randomUUID(), redirectUris: [callbackAddress] }
  await microsoft('POST', '/admin/apps', app)
  return app
}

// step is a step of the setup, when it is the one to do.
function step(page, number, title) {
  return page.locator(`section[aria-label="Step ${number}: ${title}"][aria-current="step"]`)
}

const status = (organisation) => call('GET', `/api${entra}`, undefined, organisation)

test('an administrator comes from nothing to a resolved queue', async () => {
  // One of the directories fits a client by a second domain alone: accepting what fits exactly leaves it.
  const organisation = await newOrganisation(/Дніпро|Fujin|Al Noor|Talbot|KT Holding/)
  const app = await registration()
  const page = await signedIn(browser, 'administrator', { organisation })
  const card = page.getByRole('region', { name: 'Microsoft Entra' })
  await card.getByText('Not connected').waitFor()
  await look(page, 'journey-1-nothing')
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await page.getByRole('link', { name: 'Start the setup' }).click()

  // The app registration is checked, stored, and used from then on.
  await step(page, 1, 'Connect').waitFor()
  await page.getByRole('button', { name: 'Use an app registration of your own' }).click()
  await page.getByRole('textbox', { name: 'Application (client) id' }).fill(app.clientId)
  await page.getByRole('textbox', { name: 'Client secret' }).fill(app.clientSecret)
  await page.getByRole('button', { name: 'Store it' }).click()
  await page.getByText('The app registration is stored').waitFor()
  await look(page, 'journey-2-registered')
  await page.getByRole('button', { name: 'Close' }).click()
  await page.getByText('The sign-in uses your own app registration.', { exact: false }).waitFor()

  // Whoever refuses is told so, and may try again.
  await page.getByRole('button', { name: 'Connect at Microsoft' }).click()
  await page.getByText(app.name).waitFor()
  await page.getByRole('link', { name: 'Cancel' }).click()
  await page.getByRole('alert').getByText('consent was refused', { exact: false }).waitFor()
  await look(page, 'journey-3-refused')
  await page.getByRole('button', { name: 'Connect at Microsoft' }).click()
  await page.getByRole('link', { name: 'Accept' }).click()

  await step(page, 2, 'Discover').getByRole('button', { name: 'Discover directories' }).click()
  await step(page, 3, 'Map').waitFor({ timeout: 60_000 })
  await look(page, 'journey-4-discovered')
  assert.equal((await status(organisation)).credentialSource, 'tenant-secret')

  await page.getByRole('link', { name: 'Map the directories' }).click()
  const { autoMatched, fuzzyCandidates } = await call('GET', `/api${entra}/mappings/preview`, undefined, organisation)
  assert.ok(fuzzyCandidates.some((row) => row.match || row.candidates.length > 0), 'no directory that fits nearly')
  await page.getByRole('button', { name: `Accept ${autoMatched.length} exact matches`, exact: true }).click()
  await page.getByRole('button', { name: 'Review and confirm' }).click()
  await look(page, 'journey-5-confirm')
  await page.getByRole('dialog', { name: 'What will be written' }).getByRole('button', { name: /^Confirm \d+ decisions$/ }).click()
  await page.getByText('decisions are written', { exact: false }).waitFor()
  // Written is that each has the client that fits exactly, and nothing else.
  const { mappings } = await call('GET', `/api${entra}/mappings?pageSize=200`, undefined, organisation)
  const pairs = (list) => list.toSorted().join('\n')
  assert.equal(pairs(mappings.map((mapping) => `${mapping.managedTenantId} ${mapping.state} ${mapping.clientId}`)), pairs(autoMatched.map((row) => `${row.managedTenantId} mapped ${row.match.clientId}`)))
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await page.getByText('Nothing was synced yet').waitFor()
  await page.getByRole('link', { name: 'To the first sync' }).click()

  // One client first: looked at, then synced alone; the first sync of all is still to be done after that.
  const pilot = page.getByRole('group', { name: 'Try it with one client first' })
  await step(page, 4, 'First sync').waitFor()
  await pick(page, 'Client’s directory', 'Talbot')
  await look(page, 'journey-6-pilot')
  await pilot.getByRole('button', { name: 'Preview it' }).click()
  await pilot.getByRole('link', { name: 'See what it finds' }).click()
  await page.getByText('wrote nothing', { exact: false }).waitFor({ timeout: 60_000 })
  assert.equal((await call('GET', '/api/contacts?entra=linked&pageSize=1', undefined, organisation)).contacts.length, 0, 'a preview that wrote')
  await page.getByRole('link', { name: 'Setup', exact: true }).click()
  await pick(page, 'Client’s directory', 'Talbot')
  await pilot.getByRole('button', { name: 'Sync it alone' }).click()
  await pilot.getByRole('link', { name: 'See what it finds' }).click()
  await page.getByRole('heading', { level: 1 }).getByText('Completed').waitFor({ timeout: 60_000 })
  await page.getByText(/Of Talbot.*Started/).waitFor()
  await page.getByRole('link', { name: 'Sync history', exact: true }).click()
  await page.getByRole('row', { name: 'One client Talbot', exact: false }).first().waitFor()
  await page.getByRole('link', { name: 'Setup', exact: true }).click()
  await step(page, 4, 'First sync').getByText('Last: one client', { exact: false }).waitFor()
  await look(page, 'journey-7-pilot-done')

  await page.getByRole('button', { name: 'Start the first sync' }).click()
  await page.getByRole('region', { name: 'Step 4: First sync' }).getByText('Done.', { exact: false }).waitFor({ timeout: 180_000 })
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await page.getByText('for your decision', { exact: false }).waitFor()
  await page.waitForLoadState('networkidle')
  await look(page, 'journey-8-synced')

  await page.getByRole('link', { name: 'Review them' }).click()
  await resolveAll(page, (button) => button.click())
  await look(page, 'journey-9-resolved')
  const { items } = await call('GET', `/api${entra}/reconciliation-queue?status=open`, undefined, organisation)
  assert.deepEqual(items, [])
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await page.getByRole('heading', { name: 'What needs you' }).waitFor()
  // What was known of the status before stands there until it is asked for again.
  await page.getByText('for your decision', { exact: false }).waitFor({ state: 'detached' })
  await page.context().close()
})

// resolveAll links everybody to the first contact that is free, and makes a contact for the others.
async function resolveAll(page, act) {
  const nobody = page.getByRole('heading', { name: 'Nobody waits for you' })
  const person = page.getByRole('region', { name: 'The person and the candidates' })
  for (let n = 0; n < 400; n++) {
    await person.or(nobody).first().waitFor()
    if (await nobody.isVisible()) return n
    const who = await person.getAttribute('data-item')
    const link = person.getByRole('button', { name: /^It is this one/ })
    await act((await link.count()) > 0 ? link.first() : person.getByRole('button', { name: 'Create a new contact' }))
    await page.locator(`[data-item="${who}"]`).waitFor({ state: 'detached' })
  }
  throw new Error('the queue has no end')
}

test('an administrator comes from nothing to a resolved queue by keyboard alone', async () => {
  const organisation = await newOrganisation(/Atelier|Fujin|Al Noor|Talbot/)
  const app = await registration()
  const page = await signedIn(browser, 'administrator', { organisation })
  const button = (name) => page.getByRole('button', { name })
  const link = (name) => page.getByRole('link', { name, exact: true })
  await press(page, link('Set up'))
  await press(page, button('Use an app registration of your own'))
  await type(page, page.getByRole('textbox', { name: 'Application (client) id' }), app.clientId)
  await type(page, page.getByRole('textbox', { name: 'Client secret' }), app.clientSecret)
  await page.keyboard.press('Enter')
  await page.getByText('The app registration is stored').waitFor()
  await press(page, button('Connect at Microsoft'), 'Shift+Tab')
  await press(page, link('Accept'))
  await press(page, button('Discover directories'))
  await step(page, 3, 'Map').waitFor({ timeout: 60_000 })
  await press(page, link('Map the directories'))
  await press(page, button(/^Accept \d+ exact matches$/))
  await press(page, button('Review and confirm'), 'Shift+Tab')
  await page.getByRole('dialog', { name: 'What will be written' }).waitFor()
  await press(page, button(/^Confirm \d+ decisions$/))
  await page.getByText('decisions are written', { exact: false }).waitFor()
  await press(page, link('Setup'), 'Shift+Tab')
  const pilot = page.getByRole('group', { name: 'Try it with one client first' })
  await type(page, pilot.getByRole('combobox', { name: 'Client’s directory' }), 'Talbot')
  await chosen(page, 'Talbot')
  await press(page, pilot.getByRole('button', { name: 'Sync it alone' }))
  await press(page, pilot.getByRole('link', { name: 'See what it finds' }))
  await page.getByRole('heading', { level: 1 }).getByText('Completed').waitFor({ timeout: 60_000 })
  await press(page, link('Setup'), 'Shift+Tab')
  await press(page, button('Start the first sync'))
  await page.getByRole('region', { name: 'Step 4: First sync' }).getByText('Done.', { exact: false }).waitFor({ timeout: 180_000 })
  await press(page, link('Review queue'), 'Shift+Tab')
  // In the queue the list alone is needed: a number links, n makes a contact, and the next one follows.
  const list = page.getByRole('listbox', { name: 'People to decide about' })
  await reach(page, list)
  const resolved = await resolveAll(page, async (choice) => {
    const name = await choice.textContent()
    await page.keyboard.press(/new contact/.test(name ?? '') ? 'n' : '1')
  })
  assert.ok(resolved > 0, 'nobody was in the queue')
  const { items } = await call('GET', `/api${entra}/reconciliation-queue?status=open`, undefined, organisation)
  assert.deepEqual(items, [])
  await page.context().close()
})
