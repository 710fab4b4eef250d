// What an administrator sets, in a real browser: filters tried on real people, what one directory has
// of its own, the app registration, a pilot, and webhooks.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'

import { call, ended, look, open, pick, signedIn, site } from './browser.mjs'

const entra = '/integrations/entra'
let browser

before(async () => {
  browser = await open()
})
after(() => browser?.close())

test('the settings page starts a sync of all', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/settings`)
  await page.getByRole('button', { name: 'Sync all tenants now' }).click()
  await page.getByRole('link', { name: 'Follow it' }).click()
  await page.getByRole('heading', { level: 1 }).getByText('Completed').waitFor({ timeout: 120_000 })
  await page.context().close()
})

test('what is changed in the settings is saved, all of it and nothing else', async () => {
  const before = await call('GET', `/api${entra}/settings`)
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/settings`)
  const flip = async (name) => page.getByRole('switch', { name, exact: true }).press('Space')
  const add = async (label, value) => {
    await page.getByRole('textbox', { name: label, exact: true }).fill(value)
    await page.keyboard.press('Enter')
  }
  if (!before.automaticSync) await flip('Sync automatically')
  await page.getByRole('combobox', { name: 'How often' }).click()
  await page.getByRole('option', { name: 'Every 12 hours' }).click()
  for (const name of ['Leave guests out', 'Leave out accounts without a licence', 'Phone', 'An address may belong to contacts of several clients']) await flip(name)
  await page.getByRole('textbox', { name: 'Patterns of your own' }).fill('^scanner\n^fax')
  await add('Always take', 'always@corp.example')
  await add('Never take', 'never@corp.example')
  await page.getByLabel('Stop from this many people').fill('7')
  await page.getByLabel('And more than this share of a directory').fill('33')
  await look(page, 'settings-changed')
  await page.getByRole('button', { name: 'Save' }).click()
  try {
    await page.getByText('Saved. The next sync uses it.').waitFor()
    const now = await call('GET', `/api${entra}/settings`)
    assert.ok(BigInt(now.version) > BigInt(before.version) && now.updatedAt !== before.updatedAt && now.updatedBy)
    const was = { ...before, version: now.version, updatedAt: now.updatedAt, updatedBy: now.updatedBy }
    assert.deepEqual(now, {
      ...was,
      automaticSync: true,
      intervalMinutes: 720,
      filters: { ...was.filters, guests: !was.filters.guests, unlicensed: !was.filters.unlicensed, customPatterns: ['^scanner', '^fax'], alwaysInclude: [...was.filters.alwaysInclude, 'always@corp.example'], neverInclude: [...was.filters.neverInclude, 'never@corp.example'] },
      fieldRules: { ...was.fieldRules, phone: !was.fieldRules.phone },
      allowSameEmailAcrossClients: !was.allowSameEmailAcrossClients,
      guard: { minCount: 7, percent: 33 },
    })
    const changes = page.getByRole('region', { name: 'Who changed what' })
    await changes.getByText(/how often.*patterns.*when to stop and ask|patterns.*how often|when to stop and ask/).first().waitFor()
  } finally {
    const { automaticSync, intervalMinutes, filters, fieldRules, allowSameEmailAcrossClients, guard } = before
    await call('PATCH', `/api${entra}/settings`, { automaticSync, intervalMinutes, filters, fieldRules, allowSameEmailAcrossClients, guard })
  }
  await page.context().close()
})

test('a switch that is off has an edge that is seen', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/settings`)
  const off = page.getByRole('switch', { name: 'Leave guests out' })
  await off.and(page.locator(':not(:checked)')).waitFor()
  const edge = await off.evaluate((input) => getComputedStyle(input.nextElementSibling).boxShadow)
  assert.match(edge, /^rgb\(90, 98, 112\).* inset$/, 'the switch has no edge of 3 : 1')
  await page.context().close()
})

test('filters are tried on real people before they are saved', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/settings`)
  await page.getByRole('textbox', { name: 'Patterns of your own' }).fill('^w')
  const group = page.getByRole('group', { name: 'Try the filters' })
  await pick(page, 'Try these filters on', 'Fujin')
  await group.getByRole('button', { name: 'Try', exact: true }).click()
  await group.getByText('stay linked', { exact: false }).first().waitFor()
  await group.getByRole('button', { name: 'Show those who stay left out, too' }).click()
  await group.getByRole('table', { name: 'People and filters' }).waitFor()
  await look(page, 'settings-tried')
  const settings = await call('GET', `/api${entra}/settings`)
  assert.deepEqual(settings.filters.customPatterns, [], 'saved by trying')
  await page.getByRole('textbox', { name: 'Patterns of your own' }).fill('[')
  await group.getByRole('button', { name: 'Try', exact: true }).click()
  await group.getByRole('alert').getByText('Patterns of your own, entry 1:').waitFor()
  await page.getByRole('textbox', { name: 'Patterns of your own' }).and(page.locator('[aria-invalid="true"]')).waitFor()
  await look(page, 'settings-tried-invalid')
  await page.getByRole('button', { name: 'Discard' }).click()
  // What was refused is no longer marked once another is saved.
  const marked = page.locator('[aria-invalid="true"]')
  await marked.waitFor({ state: 'detached' })
  await page.getByRole('textbox', { name: 'Patterns of your own' }).fill('[')
  await group.getByRole('button', { name: 'Try', exact: true }).click()
  await marked.waitFor()
  await page.getByRole('textbox', { name: 'Patterns of your own' }).fill('^w')
  await page.getByRole('button', { name: 'Save' }).click()
  try {
    await page.getByText('Saved. The next sync uses it.').waitFor()
    await marked.waitFor({ state: 'detached' })
    await group.getByRole('alert').waitFor({ state: 'detached' })
  } finally {
    await call('PATCH', `/api${entra}/settings`, { filters: settings.filters })
  }
  await page.context().close()
})

test('filters are tried on whom the last sync left to them, too', async () => {
  const filters = { customPatterns: ['a'] }
  const asked = async (managedTenantId, lastListing) => call('POST', `/api${entra}/settings/test-filters`, { managedTenantId, lastListing, filters })
  const { mappings } = await call('GET', `/api${entra}/mappings?state=mapped&q=fujin`)
  const [mapping] = mappings
  const last = await asked(mapping.managedTenantId, true)
  const now = await asked(mapping.managedTenantId, false)
  assert.ok(last.total > 0 && last.total < now.total, `${last.total} of ${now.total} people are left to the filters`)
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/settings`)
  await page.getByRole('textbox', { name: 'Patterns of your own' }).fill('a')
  const group = page.getByRole('group', { name: 'Try the filters' })
  await pick(page, 'Try these filters on', 'Fujin')
  const says = ({ total, dropped, added, leftOut, linked }, base) => {
    const one = (n, word, words) => `${n} ${n === 1 ? word : words}`
    const changes = [dropped > 0 && one(dropped, 'would be left out who comes now', 'would be left out who come now'), added > 0 && one(added, 'would come who is left out now', 'would come who are left out now')].filter(Boolean)
    const stay = linked > 0 ? `, of whom ${linked} stay linked` : ''
    return `Of ${one(total, 'person', 'people')}${base}${stay}: ${[changes.join(', ') || 'nothing would change', leftOut > 0 && one(leftOut, 'stays left out', 'stay left out')].filter(Boolean).join(', ')}.`
  }
  for (const [base, sentence] of [['The last sync', says(last, ' about whom filters decide')], ['The directory as it is now', says(now, '')]]) {
    await group.getByRole('radiogroup', { name: 'Whom they are tried on' }).getByText(base).click()
    // What was tried on others goes.
    await group.getByRole('status').waitFor({ state: 'detached' })
    await group.getByRole('button', { name: 'Try', exact: true }).click()
    await group.getByText(sentence, { exact: true }).waitFor()
    if (base === 'The last sync') await look(page, 'settings-tried-last')
  }
  await page.getByRole('button', { name: 'Discard' }).click()
  await page.context().close()
})

test('a directory gets a filter of its own, and gives it back', async () => {
  const { mappings } = await call('GET', `/api${entra}/mappings?state=mapped&q=talbot`)
  await call('PATCH', `/api${entra}/settings?managedTenantId=${mappings[0].managedTenantId}`, { filters: { guests: null, neverInclude: null } })
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/settings`)
  await pick(page, 'Settings of one directory', 'Talbot')
  await page.getByRole('heading', { name: /^Talbot/, level: 1 }).waitFor()
  const id = page.url().split('/').pop()
  const own = () => call('GET', `/api${entra}/settings?managedTenantId=${id}`)
  await page.getByRole('radiogroup', { name: 'Leave guests out' }).getByText('Yes', { exact: true }).click()
  await page.getByRole('checkbox', { name: 'Never take: its own list' }).check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved. The next sync of this directory uses it.').waitFor()
  const saved = await own()
  assert.equal(saved.filters.guests, true)
  assert.ok(saved.ownFields.includes('filters.neverInclude'), 'an own list that is empty')
  await look(page, 'settings-own')
  await page.getByRole('radiogroup', { name: 'Leave guests out' }).getByText('As for all', { exact: false }).click()
  await page.getByRole('checkbox', { name: 'Never take: its own list' }).uncheck()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Not saved yet').waitFor({ state: 'detached' })
  assert.deepEqual((await own()).ownFields, [])
  await page.context().close()
})

test('what is not saved yet stays when somebody else saves other settings, and the page says so', async () => {
  const before = await call('GET', `/api${entra}/settings`)
  const { filters, allowSameEmailAcrossClients } = before
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/settings`)
  const patterns = page.getByRole('textbox', { name: 'Patterns of your own' })
  const across = page.getByRole('switch', { name: 'An address may belong to contacts of several clients' })
  await patterns.fill('^kept')
  try {
    await call('PATCH', `/api${entra}/settings`, { allowSameEmailAcrossClients: !allowSameEmailAcrossClients })
    // A sync that starts lets everything that is shown be asked for again.
    await page.getByRole('button', { name: 'Sync all tenants now' }).click()
    const runId = (await page.getByRole('link', { name: 'Follow it' }).getAttribute('href')).split('/').pop()
    const unsaved = page.getByRole('region', { name: 'Changes that are not saved yet' })
    await unsaved.getByRole('alert').getByText('The settings were changed meanwhile').waitFor()
    assert.equal(await patterns.inputValue(), '^kept')
    await look(page, 'settings-changed-meanwhile')
    await unsaved.getByRole('button', { name: 'Load how it is now' }).click()
    await unsaved.getByRole('alert').waitFor({ state: 'detached' })
    assert.equal(await patterns.inputValue(), '^kept')
    assert.equal(await across.isChecked(), !allowSameEmailAcrossClients, 'what somebody else saved is not there')
    await unsaved.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved. The next sync uses it.').waitFor()
    const now = await call('GET', `/api${entra}/settings`)
    assert.deepEqual(now.filters, { ...filters, customPatterns: ['^kept'] })
    assert.equal(now.allowSameEmailAcrossClients, !allowSameEmailAcrossClients, 'written over')
    await ended(runId)
  } finally {
    await call('PATCH', `/api${entra}/settings`, { filters, allowSameEmailAcrossClients })
  }
  await page.context().close()
})

test('what is not saved yet of one directory stays when somebody else saves other settings of it', async () => {
  const { mappings } = await call('GET', `/api${entra}/mappings?state=mapped&q=talbot`)
  const address = `/api${entra}/settings?managedTenantId=${mappings[0].managedTenantId}`
  await call('PATCH', address, { filters: { guests: null, unlicensed: null } })
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/settings/${mappings[0].managedTenantId}`)
  const chosen = (name) => page.getByRole('radiogroup', { name }).getByRole('radio', { checked: true }).inputValue()
  await page.getByRole('radiogroup', { name: 'Leave guests out' }).getByText('Yes', { exact: true }).click()
  try {
    await call('PATCH', address, { filters: { unlicensed: true } })
    const unsaved = page.getByRole('region', { name: 'Changes that are not saved yet' })
    await unsaved.getByRole('button', { name: 'Save' }).click()
    await unsaved.getByRole('alert').getByText('The settings were changed meanwhile').waitFor()
    assert.equal(await chosen('Leave guests out'), 'true')
    assert.equal(await chosen('Leave out accounts without a licence'), 'all')
    await look(page, 'settings-own-changed-meanwhile')
    await unsaved.getByRole('button', { name: 'Load how it is now' }).click()
    await unsaved.getByRole('alert').waitFor({ state: 'detached' })
    assert.equal(await chosen('Leave guests out'), 'true')
    assert.equal(await chosen('Leave out accounts without a licence'), 'true')
    await unsaved.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved. The next sync of this directory uses it.').waitFor()
    const { filters } = await call('GET', address)
    assert.deepEqual([filters.guests, filters.unlicensed], [true, true])
  } finally {
    await call('PATCH', address, { filters: { guests: null, unlicensed: null } })
  }
  await page.context().close()
})

test('an app registration is checked field by field, and its secret is not kept in the page', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/setup`)
  await page.getByRole('button', { name: 'Use an app registration of your own' }).click()
  await page.getByRole('textbox', { name: 'Application (client) id' }).fill('not an id')
  await page.getByRole('textbox', { name: 'Client secret' }).fill('a secret')
  await page.getByRole('button', { name: 'Store it' }).click()
  await page.locator('.mantine-TextInput-error').first().waitFor()
  await look(page, 'setup-registration')
  await page.getByRole('button', { name: 'Back' }).click()
  assert.equal(await page.getByRole('textbox', { name: 'Client secret' }).count(), 0)
  await page.context().close()
})

test('one client is previewed from its page', async () => {
  const page = await signedIn(browser, 'administrator')
  const { clients } = await call('GET', '/api/clients?q=talbot')
  await page.goto(`${site}/clients/${clients[0].id}`)
  await page.getByRole('button', { name: 'Preview a sync' }).click()
  await page.getByRole('link', { name: 'See what it finds' }).click()
  await page.getByText('This was a preview', { exact: false }).waitFor({ timeout: 60_000 })
  await page.getByRole('heading', { name: 'By person' }).waitFor()
  await page.waitForLoadState('networkidle')
  await look(page, 'run-preview')
  await ended(page.url().split('/').pop())
  await page.context().close()
})

test('a webhook is added, tested, changed and deleted, and its secret is shown once', async () => {
  const address = 'https://psa.example/hooks/entrasync'
  for (const webhook of (await call('GET', '/api/webhooks')).webhooks) await call('DELETE', `/api/webhooks/${webhook.id}`)
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}/webhooks`)
  await page.getByText('Nobody is told yet').waitFor()
  await look(page, 'webhooks-empty')
  await page.getByRole('button', { name: 'Add a webhook' }).click()
  await page.getByRole('textbox', { name: 'Address' }).fill(address)
  // Every event that the contract has can be chosen.
  const offered = await page.getByRole('dialog').getByRole('checkbox').evaluateAll((all) => all.map((box) => box.value))
  const contract = readFileSync(new URL('../../../proto/entrasync/gateway/v1/webhook.proto', import.meta.url), 'utf8')
  const all = [...contract.matchAll(/^\s+"([a-z]+(?:\.[a-z]+)+)",?$/gm)].map(([, event]) => event)
  assert.ok(all.length > 15, 'no events are found in the contract')
  assert.deepEqual(offered.toSorted(), [...new Set(all)].toSorted())
  await page.getByRole('checkbox', { name: 'A contact was deleted' }).uncheck()
  await look(page, 'webhooks-add')
  await page.getByRole('button', { name: 'Add it' }).click()
  const secret = page.getByRole('dialog', { name: 'The secret of this webhook' })
  await secret.getByText(/^whsec_/).waitFor()
  await look(page, 'webhooks-secret')
  await secret.getByRole('button', { name: 'I have kept it' }).click()
  const endpoint = page.getByRole('region', { name: address })
  await endpoint.getByText('Told of everything but: A contact was deleted', { exact: true }).waitFor()
  await endpoint.getByRole('button', { name: 'Test' }).click()
  await endpoint.getByRole('status').getByText('The test did not arrive.', { exact: false }).waitFor()
  await look(page, 'webhooks')
  await endpoint.getByRole('button', { name: 'Deliveries' }).click()
  await page.getByRole('dialog').getByText('Not arrived').first().waitFor()
  await look(page, 'webhooks-deliveries')
  await page.keyboard.press('Escape')
  await replayed(page, endpoint)
  await endpoint.getByRole('button', { name: /^More for/ }).click()
  await page.getByRole('menuitem', { name: 'Switch off' }).click()
  await endpoint.getByText('A person switched it off.').waitFor()
  await endpoint.getByRole('button', { name: /^More for/ }).click()
  await page.getByRole('menuitem', { name: 'New secret…' }).click()
  await page.getByRole('dialog', { name: 'Make a new secret?' }).getByRole('button', { name: 'Make it' }).click()
  await secret.getByText(/^whsec_/).waitFor()
  await secret.getByRole('button', { name: 'I have kept it' }).click()
  await endpoint.getByText('The secret before signs too', { exact: false }).waitFor()
  await endpoint.getByRole('button', { name: /^More for/ }).click()
  await page.getByRole('menuitem', { name: 'Delete…' }).click()
  await page.getByRole('dialog', { name: 'Delete this webhook?' }).getByRole('button', { name: 'Delete' }).click()
  await page.getByText('Nobody is told yet').waitFor()
  const reader = await signedIn(browser, 'reader')
  await reader.goto(`${site}/webhooks`)
  await reader.getByText('You may not see the webhooks').waitFor()
  await look(reader, 'webhooks-reader')
  await reader.context().close()
  await page.context().close()
})

// replayed sends again what happened, and sees it among the deliveries.
async function replayed(page, endpoint) {
  const { webhooks } = await call('GET', '/api/webhooks')
  const deliveries = async () => (await call('GET', `/api/webhooks/${webhooks[0].id}/deliveries?pageSize=200`)).deliveries.filter((delivery) => delivery.type !== 'webhook.test')
  const { clients } = await call('GET', '/api/clients?q=talbot')
  assert.equal((await ended((await call('POST', `/api${entra}/sync`, { scope: 'single-client', clientId: clients[0].id })).runId)).state, 'completed')
  const more = async (than) => {
    for (let tries = 0; tries < 60; tries++) {
      const { length } = await deliveries()
      if (length > than) return length
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    throw new Error(`no more than ${than} deliveries`)
  }
  const before = await more(0)
  await endpoint.getByRole('button', { name: /^More for/ }).click()
  await page.getByRole('menuitem', { name: 'Send again…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Send again what happened?' })
  await look(page, 'webhooks-replay')
  await dialog.getByRole('button', { name: 'Send again' }).click()
  await endpoint.getByRole('status').getByText('is sent again', { exact: false }).waitFor()
  await endpoint.getByRole('button', { name: 'Deliveries' }).click()
  const log = page.getByRole('dialog', { name: 'Deliveries of the last 30 days' })
  await more(before)
  await log.getByRole('cell', { name: /^A (sync was completed|contact|client)/ }).first().waitFor()
  await page.keyboard.press('Escape')
}

test('a name is explained step by step, by keyboard alone', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/explain`)
  await page.getByRole('textbox', { name: 'Person' }).focus()
  await page.keyboard.type('Sandra')
  await page.keyboard.press('Enter')
  const choices = page.getByRole('region', { name: 'Which of them?' })
  await choices.waitFor()
  await look(page, 'explain-choices')
  await choices.getByRole('button').first().focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Step by step' }).waitFor({ timeout: 60_000 })
  await page.getByRole('region', { name: 'What Microsoft says' }).getByRole('row', { name: /^Sign-in name .*@/ }).waitFor()
  await look(page, 'explain')
  await page.goto(`${site}${entra}/explain?q=nobody-of-that-name`)
  await page.getByText('Nobody is known by this').waitFor()
  await look(page, 'explain-nobody')
  const reader = await signedIn(browser, 'reader')
  await reader.goto(`${site}${entra}/explain`)
  await reader.getByText('You may not ask this').waitFor()
  await reader.context().close()
  await page.context().close()
})
