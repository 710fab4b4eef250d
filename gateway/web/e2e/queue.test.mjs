// The review queue in a real browser: an item is gone through by keys, resolved, made a contact of, dismissed.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { call, look, open, signedIn, site } from './browser.mjs'

const entra = '/integrations/entra'
let browser

before(async () => {
  browser = await open()
})
after(() => browser?.close())

// open returns the first open item of a reason.
async function first(reason) {
  const { items } = await call('GET', `/api${entra}/reconciliation-queue?status=open&reason=${reason}&pageSize=200`)
  const item = items.find((each) => reason !== 'alias_match' || each.candidates.some((candidate) => !candidate.linkedTo))
  assert.ok(item, `an open item of ${reason}: "make reset" and "make up" make new ones`)
  return item
}

async function shown(page, item) {
  await page.goto(`${site}${entra}/queue?item=${item.itemId}`)
  await page.getByRole('region', { name: 'The person and the candidates' }).getByText(item.displayName, { exact: true }).first().waitFor()
}

async function decided(item, status) {
  const answer = await call('GET', `/api${entra}/reconciliation-queue/${item.itemId}`)
  assert.equal((answer.item ?? answer).status, status)
}

test('keys go through the queue', async () => {
  const page = await signedIn(browser, 'administrator')
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
  const page = await signedIn(browser, 'administrator')
  const item = await first('alias_match')
  await shown(page, item)
  await look(page, 'queue-item')
  await page.getByRole('button', { name: /^It is this one/ }).first().click()
  await page.getByRole('status').getByText('is linked to', { exact: false }).waitFor()
  await decided(item, 'resolved')
  await page.context().close()
})

test('an account gets a contact of its own', async () => {
  const page = await signedIn(browser, 'administrator')
  const item = await first('duplicate_identity_email')
  await shown(page, item)
  await page.getByRole('button', { name: 'Create a new contact' }).click()
  await page.getByRole('status').getByText('has a contact of its own', { exact: false }).waitFor()
  await look(page, 'queue-resolved')
  await decided(item, 'resolved')
  await page.context().close()
})

test('an account is dismissed with a reason, and a reader sees it and decides nothing', async () => {
  const page = await signedIn(browser, 'administrator')
  const item = await first('duplicate_identity_email')
  const reader = await signedIn(browser, 'reader')
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
