// What the screens look like when things are not as usual, in a real browser: nothing there, very much
// there, on its way, broken, partly there, forbidden, switched off, with names that do not fit.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'

import { as, call, ended, fits, look, microsoft, newOrganisation, open, setFlag, site } from './browser.mjs'

const entra = '/integrations/entra'
let browser

before(async () => {
  browser = await open()
})
// What a test leaves open when it fails goes with its contexts.
afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
})
after(() => browser?.close())

// screens are those that an organisation has from the start, with their names.
const screens = [
  ['overview', entra, 'Microsoft Entra'],
  ['setup', `${entra}/setup`, 'Set up Microsoft Entra'],
  ['mapping', `${entra}/mapping`, 'Mapping'],
  ['runs', `${entra}/runs`, 'Sync history'],
  ['queue', `${entra}/queue`, 'Review queue'],
  ['settings', `${entra}/settings`, 'Sync settings'],
  ['clients', '/clients', 'Clients'],
  ['contacts', '/contacts', 'Contacts'],
  // Who looks at the webhooks stands in the trail, as they may be seen by few.
  ['audit', '/audit', 'Audit trail'],
  ['webhooks', '/webhooks', 'Webhooks'],
]

// calls are the screens' questions to the services; who is signed in is another one.
const calls = '**/entrasync.*/**'

async function go(page, path, title) {
  await page.goto(site + path)
  await page.getByRole('heading', { name: title, level: 1 }).waitFor()
}

test('an organisation of which nothing is known sees what comes next', async () => {
  const organisation = await newOrganisation()
  const page = await as(browser, { organisation })
  const says = {
    overview: 'Not connected yet',
    setup: 'Sign in with an administrator of your partner directory.',
    mapping: 'No directories were found yet',
    runs: 'Nothing was run yet',
    queue: 'Nobody waits for you',
    settings: 'These are the defaults; nobody has changed them.',
    clients: 'No clients yet',
    contacts: 'No contacts yet',
    webhooks: 'Nobody is told yet',
    audit: 'Nothing was changed yet',
  }
  for (const [name, path, title] of screens) {
    await go(page, path, title)
    await page.getByText(says[name], { exact: false }).first().waitFor()
    await look(page, `${name}-empty`)
    assert.equal(await page.getByRole('alert').count(), 0, name)
  }
})

test('while an answer is on its way its place is kept', async () => {
  const page = await as(browser)
  let answer
  const held = new Promise((resolve) => (answer = resolve))
  await page.route(calls, async (route) => {
    await held
    await route.continue().catch(() => undefined)
  })
  for (const [name, path, title] of screens) {
    await go(page, path, title)
    await page.getByRole('status', { name: /Loading|Comparing/ }).first().waitFor()
    await look(page, `${name}-loading`)
  }
  answer()
})

test('what fails says what to do, and goes on when it is asked again', async () => {
  const page = await as(browser)
  for (const [name, path, title] of screens) {
    let held
    await page.route(calls, async (route) => {
      if (!held) return route.fulfill({ status: 503, contentType: 'application/json', body: '{"code":"unavailable","message":"no"}' })
      await held
      await route.continue().catch(() => undefined)
    })
    await go(page, path, title)
    const alert = page.getByRole('alert').first()
    await alert.getByText('The server cannot be reached', { exact: true }).waitFor()
    await look(page, `${name}-failed`)
    // Some screens ask again by themselves: no answer comes before the button was pressed.
    let mend
    held = new Promise((resolve) => (mend = resolve))
    const asked = page.waitForRequest(calls)
    await alert.getByRole('button', { name: 'Try again' }).click()
    await asked
    mend()
    await alert.waitFor({ state: 'detached' })
    await page.unroute(calls)
  }
})

test('a server that goes away takes nothing from the screen', async () => {
  const page = await as(browser)
  await go(page, `${entra}/setup`, 'Set up Microsoft Entra')
  await page.getByRole('button', { name: /app registration/ }).click()
  await page.getByRole('textbox', { name: 'Application (client) id' }).fill('half of an id')
  const everything = /\/(auth|api|entrasync\.)/
  await page.route(everything, (route) => route.abort('connectionrefused'))
  await page.getByText('The server cannot be reached. What you see may be old', { exact: false }).waitFor()
  // The status is asked for every ten seconds.
  await page.waitForRequest('**/GetStatus')
  await page.waitForRequest('**/GetStatus')
  assert.equal(await page.getByRole('textbox', { name: 'Application (client) id' }).inputValue(), 'half of an id')
  await look(page, 'server-away')
  await page.unroute(everything)
  await page.getByText('The server cannot be reached.', { exact: false }).waitFor({ state: 'detached' })
})

test('somebody without a permission is told so on every screen', async () => {
  const page = await as(browser, { permissions: [], name: 'Nora Nothing' })
  for (const [name, path, title] of screens) {
    await go(page, path, title)
    await page.locator('.card').getByText(/^You may not see/).first().waitFor()
    assert.equal(await page.getByRole('main').getByRole('textbox').or(page.getByRole('main').getByRole('combobox')).count(), 0, `${name}: narrows what may not be seen`)
    await look(page, `${name}-forbidden`)
    assert.equal(await page.getByRole('button', { name: /^(Sync|Save|Add|Start|Connect|Discover)/ }).count(), 0, name)
  }
  await page.getByRole('button', { name: /account$/ }).click()
  await page.getByText('May not see anything', { exact: true }).waitFor()
})

test('a flag that goes off takes away every screen of it that is open', async () => {
  const organisation = await newOrganisation()
  const page = await as(browser, { organisation })
  const open = []
  for (const [name, path, title] of screens.filter(([, path]) => path.startsWith(entra))) {
    const tab = open.length === 0 ? page : await page.context().newPage()
    await go(tab, path, title)
    open.push([name, tab])
  }
  await setFlag('entra-integration-ui', false, organisation)
  for (const [name, tab] of open) {
    await tab.getByRole('heading', { name: 'This is switched off for your organisation' }).waitFor()
    assert.equal(await tab.getByRole('link', { name: 'Mapping', exact: true }).count(), 0, name)
  }
  await look(page, 'flag-off-while-open')
  await setFlag('entra-integration-ui', true, organisation)
  for (const [, tab] of open) await tab.getByRole('link', { name: 'Mapping', exact: true }).waitFor()
})

test('when a part does not answer the others are shown', async () => {
  const page = await as(browser)
  await page.route('**/entrasync.gateway.v1.StatusService/GetStatus', async (route) => {
    const answer = await route.fetch()
    const status = await answer.json()
    const attention = [...(status.attention ?? []), { code: 'part_unavailable', message: 'The state of the review queue is not known at the moment.', remedy: 'Look again in a moment.' }]
    await route.fulfill({ response: answer, json: { ...status, schedule: {}, mappingSummary: {}, lastRun: undefined, attention } })
  })
  await go(page, entra, 'Microsoft Entra')
  await page.getByText('The state of the review queue is not known', { exact: false }).waitFor()
  await page.waitForLoadState('networkidle')
  assert.equal(await page.getByText('Not known at the moment', { exact: true }).count(), 3, 'what is not known is shown as nothing')
  assert.equal(await page.getByText('Nothing was synced yet').count(), 0)
  await look(page, 'overview-partial')
})

test('syncs of one minute are told apart below the chart', async () => {
  const page = await as(browser)
  await page.route('**/entrasync.syncengine.v1.RunService/ListRuns', async (route) => {
    const answer = await route.fetch()
    const { runs } = await answer.json()
    const synced = runs.find((run) => run.type !== 'discovery' && !run.dryRun && run.completedAt && run.counters)
    const three = ['2026-11-30T10:00:45Z', '2026-11-30T10:00:05Z', '2026-11-29T10:00:05Z'].map((startedAt, i) => ({ ...synced, runId: `run-${i}`, startedAt }))
    await route.fulfill({ response: answer, json: { runs: three } })
  })
  await go(page, entra, 'Microsoft Entra')
  const ticks = page.getByRole('region', { name: 'What the last syncs did' }).locator('.recharts-xAxis-tick-labels .recharts-cartesian-axis-tick-value')
  await ticks.nth(2).waitFor()
  const times = await ticks.allTextContents()
  assert.equal(times.length, 3)
  assert.equal(new Set(times).size, 3, `the same time stands twice: ${times}`)
  assert.match(times[0], /^29 Nov, \d\d:\d\d:05$/)
})

test('each thing that needs a person stands once, the gravest first, with its remedy as a button', async () => {
  const page = await as(browser)
  const needs = [
    ['queue_open', 'Identities wait for a decision.', '12 people wait for your decision', 'Review them', /\/queue$/],
    ['run_held', 'The last run was held back by a guard.', undefined, 'Approve or reject', /\/runs\/.+/],
    ['tenants_failed', 'The last run could not sync some managed tenants.', '12 directories failed in the last sync', 'Look at the causes', /\/runs\/.+/],
    ['refresh_expired', 'Microsoft no longer accepts the sign-in.', undefined, 'Check the connection', /\/setup$/],
    ['all_tenants_gone', 'The last discovery found none of the managed tenants.', undefined, 'See the directories', /\/setup$/],
  ]
  await page.route('**/entrasync.gateway.v1.StatusService/GetStatus', async (route) => {
    const answer = await route.fetch()
    const status = await answer.json()
    const attention = needs.map(([code, message]) => ({ code, message, remedy: `What mends it ${code.length}.`, count: 12 }))
    for (const id of ['a', 'b']) attention.push({ code: 'consent_missing', message: 'The app has no consent in the directory. (AADSTS65001)', remedy: 'Repair the consent.', managedTenantId: id })
    await route.fulfill({ response: answer, json: { ...status, mappingSummary: { ...status.mappingSummary, undecided: 0 }, lastRun: { ...status.lastRun, failedTenants: 0 }, attention } })
  })
  await go(page, entra, 'Microsoft Entra')
  const section = page.getByRole('region', { name: 'What needs you' })
  await section.getByText('6 things', { exact: true }).waitFor()
  const links = await section.getByRole('link').evaluateAll((all) => all.map((link) => ({ label: link.textContent, path: link.pathname })))
  for (const [, message, title, label, path] of needs) {
    await section.getByText(title ?? message, { exact: true }).waitFor()
    assert.ok(links.some((link) => link.label === label && path.test(link.path)), `${label} leads to ${path}`)
  }
  assert.deepEqual(links.slice(-2).map((link) => link.label).toSorted(), ['Approve or reject', 'Review them'], 'what is grave stands below what is not')
  assert.equal(await section.getByText('The app has no consent in the directory.', { exact: true }).count(), 1, 'one cause stands twice, or with a number')
  assert.equal(await section.getByText('Microsoft’s number: AADSTS65001', { exact: true }).count(), 1)
  await page.waitForLoadState('networkidle')
  await look(page, 'overview-needs')
})

test('a sync of which one directory failed is partly done, and says which and why', async () => {
  const { mappings } = await call('GET', `/api${entra}/mappings?state=mapped&q=talbot`)
  const { apps } = await microsoft('GET', '/admin/apps')
  const app = apps.find((each) => each.name.startsWith('entrasync'))
  const consent = (restore) => microsoft('POST', '/admin/consents', { clientId: app.clientId, tenant: mappings[0].entraTenantId, restore })
  const sync = async () => (await ended((await call('POST', `/api${entra}/sync`, { scope: 'all-tenants' })).runId)).state
  await consent(false)
  await microsoft('POST', '/admin/access-tokens/expire', { tenant: mappings[0].entraTenantId })
  try {
    assert.equal(await sync(), 'partial')
    const page = await as(browser)
    await go(page, entra, 'Microsoft Entra')
    await page.getByText('1 directory failed in the last sync').waitFor()
    await page.waitForLoadState('networkidle')
    await look(page, 'overview-one-failed')
    await page.getByRole('link', { name: 'Look at the causes' }).click()
    await page.getByRole('heading', { level: 1 }).getByText('Partly done').waitFor()
    await page.getByRole('note', { name: 'Why it failed' }).first().waitFor()
    await look(page, 'run-partial')
  } finally {
    await consent(true)
    assert.equal(await sync(), 'completed')
  }
})

const long = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft'
const names = [`${long}${long} mbH`, 'شركة النور للتجارة العامة والمقاولات ذات المسؤولية المحدودة', 'מרפאת השיניים של ד״ר לוי ובניו בע״מ', '<b>Not bold</b> & “quoted”']

test('ten thousand clients and contacts, with names that are long or written from the right', async () => {
  const organisation = await newOrganisation()
  const clients = Array.from({ length: 10_000 }, (_, i) => ({ externalId: `c${i}`, name: names[i] ?? `Client ${i}`, domain: `client-${i}.example` }))
  const contacts = Array.from({ length: 10_000 }, (_, i) => ({ externalId: `p${i}`, clientExternalId: `c${i % 8}`, fullName: names[i] ?? `Person ${i}`, email: `${i === 0 ? long.slice(0, 60) : `person-${i}`}@client-${i % 8}.example`, role: i === 0 ? long : '' }))
  for (let from = 0; from < 10_000; from += 5_000) {
    await call('PUT', '/api/clients:batch', { clients: clients.slice(from, from + 5_000) }, organisation)
  }
  for (let from = 0; from < 10_000; from += 5_000) {
    await call('PUT', '/api/contacts:batch', { contacts: contacts.slice(from, from + 5_000) }, organisation)
  }
  for (const [size, viewport] of [['wide', { width: 1360, height: 900 }], ['narrow', { width: 390, height: 844 }]]) {
    const page = await as(browser, { organisation, viewport, name: names[0] })
    for (const [path, title, word] of [['/clients', 'Clients', long.slice(0, 12)], ['/contacts', 'Contacts', long.slice(0, 12)]]) {
      await go(page, path, title)
      const rows = page.getByRole('table').getByRole('row')
      await rows.nth(50).waitFor()
      await page.getByRole('button', { name: 'Show more' }).click()
      await rows.nth(100).waitFor()
      for (const name of [word, 'شركة', 'מרפאת', '<b>Not']) {
        await page.getByLabel('Find').fill(name)
        await rows.nth(1).waitFor()
        await page.getByRole('link', { name: new RegExp(name) }).first().waitFor()
        await fits(page, `${title} ${size}`)
      }
      await page.getByLabel('Find').fill(word)
      await page.getByRole('link', { name: new RegExp(word) }).first().waitFor()
      await rows.nth(2).waitFor({ state: 'detached' })
      await look(page, `${title.toLowerCase()}-long-${size}`)
      await page.getByRole('link', { name: new RegExp(word) }).first().click()
      await page.getByRole('heading', { level: 1, name: new RegExp(word) }).waitFor()
      await page.waitForLoadState('networkidle')
      if (title === 'Contacts') await page.getByText('No directory is mapped to this client.', { exact: false }).waitFor()
      await fits(page, `one of ${title} ${size}`)
      await look(page, `${title.toLowerCase().slice(0, -1)}-long-${size}`)
    }
    await page.context().close()
  }
})

test('directories and people of the queue with names that do not fit', async () => {
  const preview = '**/entrasync.mapping.v1.MappingService/GetMappingPreview'
  for (const [size, viewport] of [['wide', { width: 1360, height: 900 }], ['narrow', { width: 390, height: 844 }]]) {
    const page = await as(browser, { viewport })
    await page.route(preview, async (route) => {
      const answer = await route.fetch()
      const json = await answer.json()
      json.autoMatched.forEach((row, i) => {
        row.displayName = names[i % names.length]
        row.state = 'undecided'
        if (row.match) row.match.clientName = names[(i + 1) % names.length]
      })
      await route.fulfill({ response: answer, json })
    })
    await go(page, `${entra}/mapping`, 'Mapping')
    await page.getByText('All (', { exact: false }).click()
    await page.getByText(names[0]).first().waitFor()
    await fits(page, `mapping ${size}`)
    await look(page, `mapping-long-${size}`)
    await page.route('**/entrasync.reconciliation.v1.ReconciliationService/ListQueueItems', async (route) => {
      const answer = await route.fetch()
      const json = await answer.json()
      json.items?.forEach((item, i) => {
        item.displayName = names[i % names.length]
        item.userPrincipalName = `${long}@${long}.example`
        for (const candidate of item.candidates ?? []) candidate.fullName = names[0]
      })
      await route.fulfill({ response: answer, json })
    })
    await go(page, `${entra}/queue`, 'Review queue')
    await page.getByRole('option').first().getByText(names[0]).waitFor()
    await fits(page, `queue ${size}`)
    await look(page, `queue-long-${size}`)
    await page.context().close()
  }
})

test('domains and addresses outside ASCII are read as they are written, and twice where they may deceive', async () => {
  const domains = {
    'xn--mller-hochbau-wob.de': 'müller-hochbau.de',
    'XN--BCHER-KVA.EXAMPLE': 'bücher.example',
    'xn--e1afmkfd.xn--80akhbyknj4f': 'пример.испытание',
    'xn--mgbh0fb.xn--kgbechtv': 'مثال.إختبار',
    'xn--r8jz45g.xn--zckzah': '例え.テスト',
    // Cyrillic letters that look like Latin ones, alone and among Latin ones; a sign that is no letter.
    'xn--80ak6aa92e.com': 'аррӏе.com (xn--80ak6aa92e.com)',
    'xn--paypl-7ve.com': 'paypаl.com (xn--paypl-7ve.com)',
    'xn--i-7iq.ws': 'i❤.ws (xn--i-7iq.ws)',
    // What is no name in this form stays as it is.
    'xn--99999999.com': 'xn--99999999.com',
    'plain.example': 'plain.example',
  }
  const written = Object.keys(domains)
  for (const [size, viewport] of [['wide', { width: 1360, height: 900 }], ['narrow', { width: 390, height: 844 }]]) {
    const page = await as(browser, { viewport })
    await page.route('**/entrasync.mapping.v1.MappingService/GetMappingPreview', async (route) => {
      const answer = await route.fetch()
      const json = await answer.json()
      const [row] = json.autoMatched
      json.autoMatched = written.map((domain, i) => ({ ...row, managedTenantId: `made-${i}`, displayName: `Directory ${i}`, state: 'undecided', primaryDomain: domain, domains: [domain], match: { ...row.match, reason: 'exact_domain', matchedDomain: domain } }))
      json.fuzzyCandidates = []
      json.unmatched = []
      await route.fulfill({ response: answer, json })
    })
    await go(page, `${entra}/mapping`, 'Mapping')
    await page.getByText('All (', { exact: false }).click()
    for (const [i, domain] of written.entries()) {
      await page.getByLabel('Find').fill(`directory ${i}`)
      const row = page.getByRole('row', { name: new RegExp(`^Directory ${i} `) })
      assert.equal(await row.getByRole('cell').first().locator('p').nth(1).innerText(), domains[domain])
      await row.getByText(`Same domain ${domains[domain]}`, { exact: false }).waitFor()
    }
    await page.getByLabel('Find').fill('MÜLLER-hochbau')
    await page.getByRole('row', { name: /^Directory 0 / }).waitFor()
    await page.getByLabel('Find').fill('')
    await page.getByRole('row', { name: /^Directory 4 / }).waitFor()
    await fits(page, `mapping ${size}`)
    await look(page, `mapping-domains-${size}`)
    await page.route('**/entrasync.reconciliation.v1.ReconciliationService/ListQueueItems', async (route) => {
      const answer = await route.fetch()
      const json = await answer.json()
      json.items?.forEach((item, i) => {
        item.email = `person@${written[i % written.length]}`
        item.userPrincipalName = item.email
        for (const candidate of item.candidates ?? []) candidate.email = item.email.toUpperCase()
      })
      await route.fulfill({ response: answer, json })
    })
    await go(page, `${entra}/queue`, 'Review queue')
    const people = page.getByRole('listbox', { name: 'People to decide about' })
    await people.getByText('person@müller-hochbau.de', { exact: true }).first().waitFor()
    await look(page, `queue-domains-${size}`)
    // Of a client without a domain the website's is told, not the page that is named.
    const sites = { 'https://www.müller-hochbau.de/kontakt?lang=de': 'www.müller-hochbau.de', 'http://plain.example:8080/': 'plain.example', 'not a site': 'not a site', 'n/a': 'n/a' }
    await page.route('**/entrasync.mapping.v1.ClientService/ListClients', async (route) => {
      const answer = await route.fetch()
      const json = await answer.json()
      json.clients = Object.keys(sites).map((website, i) => ({ ...json.clients[0], id: `made-${i}`, name: `Client ${i}`, domain: '', website }))
      await route.fulfill({ response: answer, json })
    })
    await go(page, '/clients', 'Clients')
    for (const [i, told] of Object.values(sites).entries()) assert.equal(await page.getByRole('row', { name: new RegExp(`^Client ${i} `) }).getByRole('cell').nth(1).innerText(), told)
    await fits(page, `clients ${size}`)
    await page.context().close()
  }
})
