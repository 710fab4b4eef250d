// The console in a real browser, against the stack that `make up` has started: what people do, and what
// they see.
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'

import { allFlags, call, chosen, fits, site, look, open, setFlag, signedIn } from './browser.mjs'

const entra = '/integrations/entra'
let browser

beforeEach(async () => {
  for (const flag of allFlags) await setFlag(flag, true)
})
before(async () => {
  browser = await open()
})
after(async () => {
  for (const flag of allFlags) await setFlag(flag, true)
  await browser?.close()
})

// screens are all there are, with a text that shows that each has loaded.
async function screens() {
  const { runs } = await call('GET', `/api${entra}/sync/runs?type=all-tenants&pageSize=1`)
  const { mappings } = await call('GET', `/api${entra}/mappings?state=mapped&pageSize=1`)
  const { clients } = await call('GET', '/api/clients?pageSize=1')
  const { contacts } = await call('GET', '/api/contacts?entra=linked&pageSize=1')
  return [
    ['integrations', '/integrations', 'Microsoft Entra'],
    ['overview', entra, 'What needs you'],
    ['setup', entra + '/setup', 'Set up Microsoft Entra'],
    ['mapping', entra + '/mapping', 'Mapping'],
    ['runs', entra + '/runs', 'Sync history'],
    ['run', `${entra}/runs/${runs[0].runId}`, 'By directory'],
    ['queue', entra + '/queue', 'Review queue'],
    ['settings', entra + '/settings', 'Sync settings'],
    ['settings-of-one', `${entra}/settings/${mappings[0].managedTenantId}`, 'Who is left out'],
    ['explain-empty', entra + '/explain', 'Explain a person'],
    ['clients', '/clients', 'Clients'],
    ['client', `/clients/${clients[0].id}`, 'Contacts'],
    ['contacts', '/contacts', 'Contacts'],
    ['contact', `/contacts/${contacts[0].id}`, 'Microsoft Entra'],
    ['webhooks-all', '/webhooks', 'Webhooks'],
    ['audit', '/audit', 'Audit trail'],
  ]
}

test('every screen is accessible in light and dark, and shows no failure', async () => {
  const page = await signedIn(browser, 'administrator')
  for (const [name, path, title] of await screens()) {
    await page.goto(site + path)
    await page.getByRole('heading', { name: title, exact: true }).first().waitFor()
    await page.waitForLoadState('networkidle')
    await look(page, name)
    assert.equal(await page.getByRole('alert').count(), 0, `${name}: shows a failure`)
  }
  await page.context().close()
})

test('every screen fits a narrow window', async () => {
  const page = await signedIn(browser, 'administrator', { viewport: { width: 390, height: 844 } })
  for (const [name, path, title] of await screens()) {
    await page.goto(site + path)
    await page.getByRole('heading', { name: title, exact: true }).first().waitFor()
    await page.waitForLoadState('networkidle')
    await look(page, `${name}-narrow`)
    await fits(page, name)
  }
  await page.context().close()
})

test('a list in a narrow window stands row by row, each line behind the title of its column', async () => {
  const page = await signedIn(browser, 'administrator', { viewport: { width: 390, height: 844 } })
  for (const [path, name] of [['/clients', 'Clients'], ['/contacts', 'Contacts'], ['/audit', 'Events'], [entra + '/runs', 'Runs']]) {
    await page.goto(site + path)
    const table = page.getByRole('table', { name })
    await table.getByRole('row').nth(1).waitFor()
    // The contacts tell their clients when these are known.
    await page.waitForLoadState('networkidle')
    const titles = await table.getByRole('columnheader').allInnerTexts()
    assert.ok(titles.length > 2, `${name}: no titles`)
    if (name === 'Events') assert.match(await table.locator('time').first().innerText(), / \d\d:\d\d:\d\d$/, 'a trail without times')
    const cells = table.getByRole('row').nth(1).getByRole('cell')
    assert.equal(await cells.count(), titles.length, name)
    const lines = await cells.evaluateAll((all) => all.map((cell) => ({ top: cell.getBoundingClientRect().top, empty: cell.textContent === '', title: getComputedStyle(cell, '::before').content })))
    for (const [i, line] of lines.entries()) {
      if (i === 0 || line.empty) continue
      assert.equal(line.title, JSON.stringify(titles[i]), `${name}: line ${i + 1}`)
      assert.ok(line.top > lines[0].top, `${name}: ${titles[i]} stands beside ${titles[0]}`)
    }
  }
  await page.context().close()
})

test('an administrator syncs all tenants and follows the run to its end', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.getByRole('link', { name: 'Overview' }).click()
  await page.getByRole('button', { name: 'Sync all tenants now' }).click()
  await page.getByRole('link', { name: 'Follow it' }).click()
  await page.getByRole('heading', { level: 1 }).getByText('Completed').waitFor({ timeout: 120_000 })
  await page.getByRole('heading', { name: 'By directory' }).waitFor()
  await page.context().close()
})

test('decisions about mapping are provisional, outlive the page, and are written by one confirm', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/mapping`)
  await page.getByText('All (', { exact: false }).click()
  await page.getByLabel('Find').fill('quixotic')
  const row = page.getByRole('row', { name: /Quixotic/ })
  const state = async () => (await call('GET', `/api${entra}/mappings?q=quixotic`)).mappings.map((mapping) => mapping.state)
  const before = await state()
  const decide = before[0] === 'skip_for_now' ? 'Review later' : 'Skip for now'
  await row.getByRole('button', { name: /^More for/ }).click()
  await page.getByRole('menuitem', { name: decide }).click()
  await page.getByText('1 decision is not written yet').waitFor()
  await page.reload()
  await page.getByText('1 decision is not written yet').waitFor()
  assert.deepEqual(await state(), before, 'written before the confirm')
  await look(page, 'mapping-decided')
  await page.getByRole('button', { name: 'Review and confirm' }).click()
  const dialog = page.getByRole('dialog', { name: 'What will be written' })
  await dialog.getByText('Quixotic').waitFor()
  await look(page, 'mapping-confirm')
  await dialog.getByRole('button', { name: 'Confirm 1 decision' }).click()
  await page.getByText('1 decision is written').waitFor()
  assert.deepEqual(await state(), [decide === 'Skip for now' ? 'skip_for_now' : 'needs_review'])
  await page.context().close()
})

test('a picker finds a client by any word, with the keyboard alone', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/mapping`)
  await page.getByText('All (', { exact: false }).click()
  const choose = page.getByRole('button', { name: /^(Other client|Choose a client|Change) for / }).first()
  await choose.focus()
  await page.keyboard.press('Enter')
  await page.keyboard.type('Halvorsen')
  await chosen(page, 'Halvorsen Dental AS')
  await page.getByText('→ Halvorsen Dental AS').waitFor()
  await page.getByRole('button', { name: 'Discard' }).click()
  await page.context().close()
})

test('settings are saved, and the field rules are there only with their flag', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/settings`)
  const guests = page.getByRole('switch', { name: 'Leave guests out' })
  await guests.waitFor()
  const was = await guests.isChecked()
  try {
    await guests.press('Space')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Not saved yet').waitFor({ state: 'detached' })
    const { filters } = await call('GET', `/api${entra}/settings`)
    assert.equal(filters.guests, !was)
  } finally {
    await call('PATCH', `/api${entra}/settings`, { filters: { guests: was } })
  }
  const { mappings } = await call('GET', `/api${entra}/mappings?state=mapped&pageSize=1`)
  const own = await page.context().newPage()
  await own.goto(`${site}${entra}/settings/${mappings[0].managedTenantId}`)
  const rules = [page, own].map((each) => each.getByRole('heading', { name: 'What it may overwrite' }))
  for (const heading of rules) await heading.waitFor()
  await setFlag('entra-integration-field-sync', false)
  for (const heading of rules) await heading.waitFor({ state: 'detached' })
  await setFlag('entra-integration-field-sync', true)
  for (const heading of rules) await heading.waitFor()
  await page.context().close()
})

test('a client is synced from its page, which names the run', async () => {
  const page = await signedIn(browser, 'administrator')
  const { clients } = await call('GET', '/api/clients?q=halvorsen')
  await page.goto(`${site}/clients/${clients[0].id}`)
  await page.getByRole('button', { name: 'Sync Entra now' }).click()
  await page.getByRole('link', { name: /^Run / }).click()
  await page.getByRole('heading', { level: 1 }).getByText('Completed').waitFor({ timeout: 120_000 })
  await page.goto(`${site}/clients/${clients[0].id}`)
  const sync = page.getByRole('button', { name: 'Sync Entra now' })
  await sync.waitFor()
  await setFlag('entra-integration-client-sync-action', false)
  await sync.waitFor({ state: 'detached' })
  assert.equal(await page.getByRole('button', { name: 'Preview a sync' }).count(), 0)
  await look(page, 'client-without-sync')
  await setFlag('entra-integration-client-sync-action', true)
  await sync.waitFor()
  await page.context().close()
})

// readerSees are the titles of what a reader sees in the place of what others see.
const readerSees = { overview: 'What needs an administrator', 'webhooks-all': 'You may not see the webhooks', 'explain-empty': 'You may not ask this' }
const changing = /^(Accept|Add|Approve|Cancel|Carry out|Change|Choose|Confirm|Connect|Create|Delete|Disconnect|Discover|Dismiss|End|Go on|Import|It is this one|Leave|Map|More for|Move|Other client|Preview|Reject|Repair|Save|Set up|Skip|Start|Store|Sync|Test|Try|Use)/

test('a reader sees and cannot change', async () => {
  const page = await signedIn(browser, 'reader')
  for (const [name, path, title] of await screens()) {
    await page.goto(site + path)
    await page.getByRole('heading', { name: readerSees[name] ?? title, exact: true }).first().waitFor()
    await page.waitForLoadState('networkidle')
    await look(page, `${name}-reader`)
    const buttons = await page.getByRole('main').getByRole('button').evaluateAll((all) => all.filter((button) => !button.disabled).map((button) => button.getAttribute('aria-label') ?? button.innerText))
    assert.deepEqual(buttons.filter((button) => changing.test(button)), [], `${name}: buttons that change something`)
  }
  await page.goto(`${site}${entra}/settings`)
  await page.getByText('You may look, not change.').waitFor()
  assert.equal(await page.getByRole('main').locator('input[type=checkbox]:enabled, input:enabled:read-write:not([role=combobox]), textarea:enabled:read-write').count(), 0, 'fields that can be changed')
  await page.context().close()
})

test('a user of the client portal sees nothing', async () => {
  const page = await signedIn(browser, 'client')
  for (const path of ['/integrations', entra, '/clients']) {
    await page.goto(site + path)
    await page.getByRole('heading', { name: 'This page is for your service provider' }).waitFor()
  }
  assert.equal(await page.getByRole('link', { name: 'Overview' }).count(), 0)
  await look(page, 'client-portal')
  await page.context().close()
})

test('a flag that goes off takes away the card and the screen that is open', async () => {
  const page = await signedIn(browser, 'administrator')
  const other = await page.context().newPage()
  await page.getByRole('region', { name: 'Microsoft Entra' }).waitFor()
  await other.goto(`${site}${entra}/mapping`)
  await other.getByRole('table', { name: 'Directories and clients' }).waitFor()
  await setFlag('entra-integration-ui', false)
  await page.getByRole('heading', { name: 'No integration is switched on' }).waitFor()
  await other.getByRole('heading', { name: 'This is switched off for your organisation' }).waitFor()
  assert.equal(await other.getByRole('link', { name: 'Mapping' }).count(), 0)
  await look(other, 'switched-off')
  await setFlag('entra-integration-ui', true)
  await page.getByRole('region', { name: 'Microsoft Entra' }).waitFor()
  await page.context().close()
})

test('the review queue is there only with its flag', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/queue`)
  await page.getByRole('listbox', { name: 'People to decide about' }).waitFor()
  await setFlag('entra-integration-ambiguous-queue', false)
  await page.getByRole('heading', { name: 'This is switched off for your organisation' }).waitFor()
  assert.equal(await page.getByRole('link', { name: 'Review queue' }).count(), 0)
  await setFlag('entra-integration-ambiguous-queue', true)
  await page.context().close()
})

test('a session that ends says so and keeps what was entered', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/settings`)
  await page.getByLabel('Patterns of your own').fill('^scanner')
  await page.context().clearCookies()
  await page.getByText('Your session has ended.', { exact: false }).waitFor()
  assert.equal(await page.getByLabel('Patterns of your own').inputValue(), '^scanner')
  await page.context().close()
})

test('light or dark is chosen, and stays', async () => {
  const page = await signedIn(browser, 'administrator')
  const choose = async (name) => {
    await page.getByRole('button', { name: 'Light or dark' }).click()
    await page.getByRole('menuitem', { name }).click()
  }
  const is = (scheme) => page.locator(`html[data-mantine-color-scheme="${scheme}"]`).waitFor({ state: 'attached' })
  await page.emulateMedia({ colorScheme: 'light' })
  await choose('Dark')
  await is('dark')
  await page.reload()
  await is('dark')
  await page.emulateMedia({ colorScheme: 'dark' })
  await choose('Light')
  await is('light')
  await choose('As the system')
  await is('dark')
  await page.emulateMedia({ colorScheme: 'light' })
  await is('light')
  await page.context().close()
})

test('somebody who signs out everywhere is signed out in the other browser too', async () => {
  const page = await signedIn(browser, 'administrator')
  const other = await signedIn(browser, 'administrator')
  await other.goto(`${site}${entra}/settings`)
  await other.getByLabel('Patterns of your own').fill('^scanner')
  await page.getByRole('button', { name: /account$/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out everywhere' }).click()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
  await other.getByText('Your session has ended.', { exact: false }).waitFor()
  assert.equal(await other.getByLabel('Patterns of your own').inputValue(), '^scanner')
  await other.reload()
  await other.getByRole('link', { name: 'Sign in' }).waitFor()
  await page.context().close()
  await other.context().close()
})

test('somebody who signs out is signed out', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.getByRole('button', { name: /account$/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out', exact: true }).click()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
  await page.goto(site + '/integrations')
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
  await look(page, 'sign-in')
  await page.context().close()
})
