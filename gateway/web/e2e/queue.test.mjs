// The review queue in a real browser: an item is gone through by keys, resolved, made a contact of, dismissed.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { call, look, open, signedIn, site, syncedOrganisation } from './browser.mjs'

const entra = '/integrations/entra'
let browser
let organisation

// The tests have an organisation of their own: what others left in a queue does not matter.
before(async () => {
  browser = await open()
  organisation = await syncedOrganisation(/./)
})
after(() => browser?.close())

const ask = (method, path, body) => call(method, path, body, organisation)

// first returns the first open item of a reason.
async function first(reason) {
  const { items } = await ask('GET', `/api${entra}/reconciliation-queue?status=open&reason=${reason}&pageSize=200`)
  const item = items.find((each) => reason !== 'alias_match' || each.candidates.some((candidate) => !candidate.linkedTo))
  assert.ok(item, `an open item of ${reason}`)
  return item
}

async function shown(page, item) {
  await page.goto(`${site}${entra}/queue?item=${item.itemId}`)
  await page.getByRole('region', { name: 'The person and the candidates' }).getByText(item.displayName, { exact: true }).first().waitFor()
}

async function decided(item, status) {
  const answer = await ask('GET', `/api${entra}/reconciliation-queue/${item.itemId}`)
  assert.equal((answer.item ?? answer).status, status)
}

test('the account stands beside each contact, line by line, with what the contact says', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  const item = await first('multiple_email_matches')
  await shown(page, item)
  const table = page.getByRole('table', { name: 'The account beside the contacts' })
  for (const [i, candidate] of item.candidates.entries()) {
    const answer = await ask('GET', `/api/contacts/${candidate.contactId}`)
    const contact = answer.contact ?? answer
    const cell = (line) => table.getByRole('row', { name: new RegExp(`^${line}`) }).getByRole('cell').nth(i + 1)
    await cell('Name').getByText(contact.fullName, { exact: true }).waitFor()
    if (contact.phone) await cell('Phone').getByText(contact.phone).waitFor()
    if (contact.role) await cell('Role').getByText(contact.role, { exact: true }).waitFor()
    const agrees = (await cell('E-mail').getByText('as the account').count()) > 0
    assert.equal(agrees, contact.email.toLowerCase() === item.email.toLowerCase(), `e-mail of contact ${i + 1}`)
  }
  await page.waitForLoadState('networkidle')
  await look(page, 'queue-side-by-side')
  await page.context().close()
})

test('who is named by the address is in view in the list, too', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  const { items } = await ask('GET', `/api${entra}/reconciliation-queue?status=open&pageSize=50`)
  const item = items.findLast((each) => each.displayName)
  await shown(page, item)
  await page.waitForFunction((id) => {
    const entry = document.getElementById(`item-${id}`)
    if (entry?.ariaSelected !== 'true') return false
    const [box, chosen] = [entry.parentElement.getBoundingClientRect(), entry.getBoundingClientRect()]
    return chosen.top >= box.top && chosen.bottom <= box.bottom + 1
  }, item.itemId)
  await page.context().close()
})

test('another contact is found among those of the client alone', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  const item = await first('duplicate_identity_email')
  const of = async (clientId) => (await ask('GET', `/api/contacts?clientId=${clientId}&entra=unlinked&pageSize=200`)).contacts
  const { clients } = await ask('GET', '/api/clients?pageSize=200')
  const own = (await of(item.clientId)).find((contact) => contact.email)
  let stranger
  for (const client of clients) if (client.id !== item.clientId) stranger ??= (await of(client.id)).find((contact) => contact.email)
  assert.ok(own && stranger, 'contacts that are not linked, of this client and of another')
  await shown(page, item)
  await page.getByRole('listbox', { name: 'People to decide about' }).focus()
  await page.keyboard.press('o')
  const box = page.getByRole('combobox', { name: 'Another contact of this client' })
  const offered = page.getByRole('listbox', { name: 'Another contact of this client' }).getByRole('option')
  await offered.first().waitFor()
  // While the answer to what was typed is on its way, nobody of the answer before can be chosen.
  let answer
  const held = new Promise((resolve) => (answer = resolve))
  const asked = '**/entrasync.syncengine.v1.ContactService/ListContacts'
  await page.route(asked, async (route) => {
    await held
    await route.continue()
  })
  await box.fill('nobody of this name')
  await page.getByText('Searching…').waitFor()
  assert.equal(await offered.count(), 0, 'who does not fit is offered')
  answer()
  await page.unroute(asked)
  await box.fill(own.email)
  // Several contacts may have this address, and the person in the queue, too.
  await offered.filter({ hasText: own.email }).first().waitFor()
  await box.fill(stranger.email)
  await page.getByText('No such contact of this client').waitFor()
  await page.context().close()
})

test('a key links, a key makes a contact, and the next person follows', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  const list = page.getByRole('listbox', { name: 'People to decide about' })
  for (const [reason, key, said] of [['alias_match', undefined, 'is linked to'], ['duplicate_identity_email', 'n', 'has a new contact']]) {
    const item = await first(reason)
    await shown(page, item)
    await list.focus()
    await page.keyboard.press(key ?? String(item.candidates.findIndex((candidate) => !candidate.linkedTo) + 1))
    await page.getByRole('status').getByText(said, { exact: false }).waitFor()
    await decided(item, 'resolved')
    assert.ok(await list.evaluate((element) => element === document.activeElement), 'the list lost the focus')
    await page.locator(`[data-item="${item.itemId}"]`).waitFor({ state: 'detached' })
  }
  await page.keyboard.press('d')
  await page.getByRole('dialog', { name: 'Dismiss without a contact?' }).getByLabel('Why').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.locator('[role="listbox"][aria-label="People to decide about"]:focus').waitFor()
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await page.context().close()
})

test('of several contacts the one whose number is pressed, or whose button, is linked', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  const several = async () => {
    const { items } = await ask('GET', `/api${entra}/reconciliation-queue?status=open&reason=multiple_email_matches&pageSize=200`)
    const item = items.find((each) => each.candidates.length > 1 && each.candidates.every((candidate) => !candidate.linkedTo))
    assert.ok(item, 'an open item with several free contacts')
    return item
  }
  for (const act of ['key', 'button']) {
    const item = await several()
    await shown(page, item)
    if (act === 'key') {
      await page.getByRole('listbox', { name: 'People to decide about' }).focus()
      await page.keyboard.press('2')
    } else {
      await page.getByRole('button', { name: /^It is this one/ }).nth(1).click()
    }
    await page.getByRole('status').getByText('is linked to', { exact: false }).waitFor()
    await decided(item, 'resolved')
    const answer = await ask('GET', `/api${entra}/reconciliation-queue/${item.itemId}`)
    assert.equal((answer.item ?? answer).resolvedContactId, item.candidates[1].contactId, `by ${act}`)
  }
  await page.context().close()
})

test('keys go through the queue', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  await page.goto(`${site}${entra}/queue`)
  const list = page.getByRole('listbox', { name: 'People to decide about' })
  await list.getByRole('option').nth(1).waitFor()
  await list.focus()
  await page.keyboard.press('j')
  assert.equal(await list.getByRole('option').nth(1).getAttribute('aria-selected'), 'true')
  await page.keyboard.press('k')
  assert.equal(await list.getByRole('option').nth(0).getAttribute('aria-selected'), 'true')
  await page.context().close()
})

test('an account is linked to the contact that a person chose', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  const item = await first('alias_match')
  await shown(page, item)
  await look(page, 'queue-item')
  await page.getByRole('button', { name: /^It is this one/ }).first().click()
  await page.getByRole('status').getByText('is linked to', { exact: false }).waitFor()
  await decided(item, 'resolved')
  await page.context().close()
})

test('an account gets a contact of its own', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  const item = await first('duplicate_identity_email')
  await shown(page, item)
  await page.getByRole('button', { name: 'Create a new contact' }).click()
  await page.getByRole('status').getByText('has a new contact', { exact: false }).waitFor()
  await look(page, 'queue-resolved')
  await decided(item, 'resolved')
  await page.context().close()
})

test('what is suggested is done by a key, taken back, and is open again', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  const { items } = await ask('GET', `/api${entra}/reconciliation-queue?status=open&suggestion=resolve_existing&pageSize=50`)
  const item = items[0]
  assert.ok(item, 'an open item with a suggestion')
  await shown(page, item)
  const suggested = page.getByRole('group', { name: 'What is suggested' })
  await suggested.getByText(/^Suggested: It is /).waitFor()
  await look(page, 'queue-suggested')
  await page.getByRole('listbox', { name: 'People to decide about' }).focus()
  await page.keyboard.press('s')
  const status = page.getByRole('status')
  await status.getByText('is linked to', { exact: false }).waitFor()
  await decided(item, 'resolved')
  await status.getByRole('button', { name: 'Take it back' }).click()
  await status.getByText('is open again', { exact: false }).waitFor()
  await decided(item, 'open')
  await page.locator(`[data-item="${item.itemId}"]`).waitFor()
  await page.context().close()
})

test('many suggestions are carried out at once, after what each comes to was shown', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  const open = async () => (await ask('GET', `/api${entra}/reconciliation-queue?status=open&suggestion=resolve_new&pageSize=200`)).items
  const before = await open()
  assert.ok(before.length > 1, 'open items that need a contact of their own')
  await page.goto(`${site}${entra}/queue`)
  await page.getByRole('button', { name: /^Carry out \d+ suggestions?…$/ }).click()
  const dialog = page.getByRole('dialog', { name: 'Carry out suggestions' })
  await dialog.getByText(/^Create a contact \(/).click()
  await dialog.getByRole('checkbox').first().uncheck()
  const kept = before[0]
  await look(page, 'queue-bulk')
  await dialog.getByRole('button', { name: /^Carry out \d+$/ }).click()
  await dialog.getByRole('status').getByText(/decided/).waitFor({ timeout: 60_000 })
  const after = await open()
  assert.ok(after.some((item) => item.itemId === kept.itemId), 'one that was taken out was decided')
  assert.ok(after.length < before.length, 'nothing was decided')
  await page.context().close()
})

test('the queue is searched and narrowed, and says how many wait for what', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  // Accounts that share an address are found together: one is looked for that has its own.
  const { items } = await ask('GET', `/api${entra}/reconciliation-queue?status=open&pageSize=50`)
  let only
  for (const item of items) {
    only ??= (await ask('GET', `/api${entra}/reconciliation-queue?status=open&q=${encodeURIComponent(item.userPrincipalName)}`)).items.length === 1 ? item : undefined
  }
  assert.ok(only, 'an open item with an address of its own')
  await page.goto(`${site}${entra}/queue`)
  await page.getByLabel('Find').fill(only.userPrincipalName)
  const options = page.getByRole('listbox', { name: 'People to decide about' }).getByRole('option')
  await options.nth(1).waitFor({ state: 'detached' })
  await options.first().getByText(only.displayName, { exact: true }).waitFor()
  await page.getByLabel('Find').fill('nobody of this name')
  await page.getByRole('heading', { name: 'Nobody', exact: true }).waitFor()
  await page.getByLabel('Find').fill('')
  const { counts } = await ask('GET', `/api${entra}/reconciliation-queue:counts`)
  const n = counts.filter((each) => each.reason === 'alias_match').reduce((sum, each) => sum + each.open, 0)
  await page.getByRole('combobox', { name: 'Why' }).click()
  await page.getByRole('option', { name: `Only a second address fits (${n})` }).waitFor()
  await page.context().close()
})

test('an account is dismissed with a reason, and a reader sees it and decides nothing', async () => {
  const page = await signedIn(browser, 'administrator', { organisation })
  const item = await first('duplicate_identity_email')
  const reader = await signedIn(browser, 'reader', { organisation })
  await shown(reader, item)
  assert.equal(await reader.getByRole('button', { name: /^(Create a new contact|Dismiss|It is this one)/ }).count(), 0)
  await reader.context().close()
  await shown(page, item)
  await page.getByRole('button', { name: 'Dismiss' }).click()
  const dialog = page.getByRole('dialog', { name: 'Dismiss without a contact?' })
  await dialog.getByLabel('Why').fill('A room')
  await look(page, 'queue-dismiss')
  await dialog.getByRole('button', { name: 'Dismiss' }).click()
  await page.getByRole('status').getByText('was dismissed', { exact: false }).waitFor()
  await decided(item, 'dismissed')
  await page.context().close()
})
