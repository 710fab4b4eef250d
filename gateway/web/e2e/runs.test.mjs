// Runs that need a person, in a real browser: one that is held, one that is cancelled, one that fails.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { after, before, test } from 'node:test'

import { as, call, ended, look, microsoft, open, signedIn, site } from './browser.mjs'

const entra = '/integrations/entra'
let browser

before(async () => {
  browser = await open()
})
after(async () => {
  await microsoft('DELETE', '/admin/faults')
  await browser?.close()
})

// mapped is a mapped directory with its client, found by a word of its name.
async function mapped(word) {
  const { mappings } = await call('GET', `/api${entra}/mappings?state=mapped&q=${encodeURIComponent(word)}`)
  assert.equal(mappings.length, 1, `a mapped directory named ${word}`)
  return mappings[0]
}

async function sync(clientId) {
  const { runId } = await call('POST', `/api${entra}/sync`, { scope: 'single-client', clientId })
  return ended(runId)
}

// vanish disables a third of a directory's people who are linked, and returns what enables them again.
async function vanish(mapping) {
  const { contacts } = await call('GET', `/api/contacts?clientId=${mapping.clientId}&entra=linked&status=active&pageSize=200`)
  const some = contacts.filter((contact) => contact.entraTenantId === mapping.entraTenantId).slice(0, Math.max(5, Math.ceil(contacts.length / 3)))
  const set = (accountEnabled) =>
    microsoft('POST', '/admin/changes', { changes: some.map((contact) => ({ kind: 'edit', tenant: mapping.entraTenantId, user: contact.entraObjectId, set: { accountEnabled } })) })
  await set(false)
  return { people: some, back: () => set(true) }
}

test('a held run names the people concerned, and an approval makes them inactive', async () => {
  const mapping = await mapped('noor')
  await sync(mapping.clientId)
  const { people, back } = await vanish(mapping)
  try {
    const run = await sync(mapping.clientId)
    assert.equal(run.state, 'held')
    const page = await signedIn(browser, 'administrator')
    await page.goto(`${site}${entra}`)
    await page.getByRole('link', { name: 'Approve or reject' }).click()
    const held = page.getByRole('region', { name: /^Held back: Al Noor/ })
    await held.getByText('Who would become inactive').waitFor()
    for (const person of people.slice(0, 3)) await held.getByText(person.entraUserPrincipalName, { exact: false }).first().waitFor()
    await look(page, 'run-held')
    await held.getByRole('button', { name: /^Approve for/ }).click()
    const dialog = page.getByRole('dialog')
    await look(page, 'run-held-approve')
    await dialog.getByRole('button', { name: /inactive$/ }).click()
    await held.getByText('Approved', { exact: true }).waitFor()
    await held.getByRole('link', { name: 'The run that carries it out' }).click()
    await page.getByText('It carries out what a person approved', { exact: false }).waitFor()
    await page.getByRole('heading', { level: 1 }).getByText('Completed').waitFor({ timeout: 60_000 })
    const { contact } = await call('GET', `/api/contacts/${people[0].id}`).then((answer) => ({ contact: answer.contact ?? answer }))
    assert.equal(contact.inactive, true)
    await page.goto(`${site}/contacts/${people[0].id}`)
    await page.getByText('The account was disabled in Microsoft Entra').waitFor()
    await look(page, 'contact-inactive')
    await page.context().close()
  } finally {
    await back()
    await sync(mapping.clientId)
  }
})

test('a rejection keeps them active, and a reader decides nothing', async () => {
  const mapping = await mapped('fujin')
  await sync(mapping.clientId)
  const { people, back } = await vanish(mapping)
  try {
    const run = await sync(mapping.clientId)
    assert.equal(run.state, 'held')
    const reader = await signedIn(browser, 'reader')
    await reader.goto(`${site}${entra}/runs/${run.runId}`)
    await reader.getByText('An administrator of your organisation approves or rejects it.').waitFor()
    assert.equal(await reader.getByRole('button', { name: /^(Approve|Reject)/ }).count(), 0)
    await reader.context().close()
    const page = await signedIn(browser, 'administrator')
    await page.goto(`${site}${entra}/runs/${run.runId}`)
    await page.getByRole('button', { name: /^Reject for/ }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Keep them active' }).click()
    await page.getByText('They stay active until Microsoft changes them again.').waitFor()
    await page.getByRole('heading', { level: 1 }).getByText('Rejected').waitFor()
    assert.equal(await page.getByText('Held for you').count(), 0, 'what was rejected waits')
    await look(page, 'run-rejected')
    const answer = await call('GET', `/api/contacts/${people[0].id}`)
    assert.equal((answer.contact ?? answer).inactive, false)
    await page.context().close()
  } finally {
    await back()
    await sync(mapping.clientId)
  }
})

// holdBack keeps a directory from being read until the faults are deleted, so that a run of it is under way.
const holdBack = (mapping) => microsoft('POST', '/admin/faults', { kind: 'slow', route: 'graph.users*', tenant: mapping.entraTenantId, delayMillis: 90_000 })

test('a run shows each directory as it goes, goes on after the connection broke, and is cancelled', async () => {
  const mapping = await mapped('brightwater')
  const page = await signedIn(browser, 'administrator')
  await holdBack(mapping)
  try {
    await page.goto(`${site}${entra}`)
    let streams = 0
    page.on('request', (request) => (streams += request.url().endsWith('/events') ? 1 : 0))
    await page.getByRole('button', { name: 'Sync all tenants now' }).click()
    await page.getByRole('region', { name: 'Sync under way' }).getByRole('link', { name: 'Details' }).click()
    await page.getByRole('heading', { name: 'By directory' }).waitFor()
    await page.getByText(/^[1-9]\d* of \d+ directories/).first().waitFor()
    await look(page, 'run-under-way')
    const before = streams
    assert.ok(before > 0, 'no stream of events')
    await page.context().setOffline(true)
    await page.context().setOffline(false)
    await page.getByRole('button', { name: 'Cancel', exact: true }).click()
    const dialog = page.getByRole('dialog', { name: 'Cancel this run?' })
    await look(page, 'run-cancel')
    await dialog.getByRole('button', { name: 'Cancel the run' }).click()
    await page.getByRole('heading', { level: 1 }).getByText('Cancelled').waitFor({ timeout: 60_000 })
    await page.getByText('A person cancelled this run.', { exact: false }).waitFor()
    const directories = page.getByRole('region', { name: 'By directory' })
    assert.equal(await directories.getByRole('progressbar').count(), 0, 'a directory of a cancelled run goes on')
    assert.equal(await directories.getByText('Running', { exact: true }).count(), 0, 'a directory of a cancelled run goes on')
    await look(page, 'run-cancelled')
  } finally {
    await microsoft('DELETE', '/admin/faults')
    await page.context().close()
  }
  await sync(mapping.clientId)
})

// between is a way to the stack that a test can cut: every connection that there is breaks, and none is
// taken until it is mended.
async function between() {
  const { hostname, port } = new URL(site)
  const open = new Set()
  let broken = false
  const proxy = createServer((socket) => {
    if (broken) return socket.destroy()
    const on = connect(Number(port), hostname)
    for (const end of [socket, on]) {
      open.add(end)
      end.on('error', () => undefined)
      end.on('close', () => {
        open.delete(end)
        socket.destroy()
        on.destroy()
      })
    }
    socket.pipe(on).pipe(socket)
  })
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    broken = true
    for (const end of open) end.destroy()
  }
  return { url: `http://127.0.0.1:${proxy.address().port}`, cut, mend: () => (broken = false), close: () => (cut(), proxy.close()) }
}

test('progress that breaks off goes on from its last event when the server is there again', async () => {
  const mapping = await mapped('brightwater')
  const way = await between()
  await holdBack(mapping)
  try {
    const { runId } = await call('POST', `/api${entra}/sync`, { scope: 'all-tenants' })
    const page = await as(browser)
    const streams = []
    page.on('request', (request) => request.url().endsWith('/events') && streams.push(request.headers()['last-event-id']))
    await page.goto(`${way.url}${entra}/runs/${runId}`)
    await page.getByText(/^[1-9]\d* of \d+ directories/).first().waitFor()
    assert.deepEqual(streams, [undefined])
    way.cut()
    await page.getByText('The server cannot be reached. What you see may be old', { exact: false }).waitFor()
    assert.ok(streams.length > 1, 'the stream was not asked for again')
    await page.getByRole('heading', { name: 'By directory' }).waitFor()
    await look(page, 'run-cut-off')
    way.mend()
    await page.getByText('The server cannot be reached.', { exact: false }).waitFor({ state: 'detached' })
    await microsoft('DELETE', '/admin/faults')
    await page.getByRole('heading', { level: 1 }).getByText(/Completed|Partly done/).waitFor({ timeout: 120_000 })
    assert.ok(streams.at(-1), 'the stream does not go on from the last event')
    await page.context().close()
  } finally {
    await microsoft('DELETE', '/admin/faults')
    way.close()
  }
})

test('a run that fails says why, and what mends it', async () => {
  const mapping = await mapped('talbot')
  const apps = await microsoft('GET', '/admin/apps')
  const app = apps.apps.find((each) => each.name.startsWith('entrasync'))
  await microsoft('POST', '/admin/consents', { clientId: app.clientId, tenant: mapping.entraTenantId })
  await microsoft('POST', '/admin/access-tokens/expire', { tenant: mapping.entraTenantId })
  try {
    const run = await sync(mapping.clientId)
    assert.equal(run.state, 'failed')
    const page = await signedIn(browser, 'administrator')
    await page.goto(`${site}${entra}/runs/${run.runId}`)
    await page.getByRole('heading', { level: 1 }).getByText('Failed').waitFor()
    await page.getByRole('note', { name: 'Why it failed' }).first().waitFor()
    await look(page, 'run-failed')
    await page.getByRole('link', { name: 'To the directories' }).first().click()
    await page.getByRole('heading', { name: 'Set up Microsoft Entra' }).waitFor()
    await page.context().close()
  } finally {
    await microsoft('POST', '/admin/consents', { clientId: app.clientId, tenant: mapping.entraTenantId, restore: true })
    const run = await sync(mapping.clientId)
    assert.equal(run.state, 'completed')
  }
})

test('a discovery says what it found, and leads to the mapping', async () => {
  const { runs } = await call('GET', `/api${entra}/sync/runs?type=discovery&state=completed&pageSize=1`)
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/runs/${runs[0].runId}`)
  await page.getByText(`${runs[0].totalTenants} directories were found.`, { exact: false }).waitFor()
  await look(page, 'run-discovery')
  await page.getByRole('link', { name: 'See which client each belongs to' }).click()
  await page.getByRole('heading', { name: 'Mapping', level: 1 }).waitFor()
  await page.context().close()
})

test('a run is narrowed to an outcome, a directory and a name, and leads on to why', async () => {
  const { runs } = await call('GET', `/api${entra}/sync/runs?type=initial&state=completed&pageSize=1`)
  const { tenantResults } = await call('GET', `/api${entra}/sync/runs/${runs[0].runId}`)
  const people = (query) => call('GET', `/api${entra}/sync/runs/${runs[0].runId}/identities?pageSize=1&${query}`)
  const result = tenantResults.find((each) => each.counters.linked > 1 && each.counters.linked < runs[0].counters.linked)
  assert.ok(result, 'a directory with people who were linked')
  const { managedTenants } = await call('GET', `/api${entra}/managed-tenants?pageSize=200`)
  const name = managedTenants.find((tenant) => tenant.managedTenantId === result.managedTenantId).displayName
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/runs/${runs[0].runId}`)
  const section = page.getByRole('region', { name: 'By person' })
  const says = async (query) => {
    const { totalSize } = await people(query)
    await section.getByText(new RegExp(`· ${totalSize.toLocaleString('en')} (person|people)`)).waitFor()
    return totalSize
  }
  const all = await says('')
  await section.getByRole('combobox', { name: 'Outcome' }).click()
  await page.getByRole('option', { name: 'Linked' }).click()
  const linked = await says('outcome=linked')
  await section.getByRole('combobox', { name: 'Directory' }).click()
  await page.getByRole('option', { name, exact: true }).click()
  const here = await says(`outcome=linked&managedTenantId=${result.managedTenantId}`)
  assert.ok(all > linked && linked > here && here === result.counters.linked, `${all}, ${linked}, ${here}`)
  const { identities } = await people(`outcome=linked&managedTenantId=${result.managedTenantId}`)
  await section.getByLabel('Find').fill(identities[0].userPrincipalName)
  await says(`outcome=linked&managedTenantId=${result.managedTenantId}&q=${encodeURIComponent(identities[0].userPrincipalName)}`)
  const row = section.getByRole('row').filter({ hasText: identities[0].displayName })
  await row.getByText(name).waitFor()
  await row.getByRole('link', { name: 'Why?' }).click()
  await page.getByRole('heading', { name: 'Step by step' }).waitFor({ timeout: 60_000 })
  await page.getByText(identities[0].displayName).first().waitFor()
  await page.goBack()
  // Of the directories, too: those that ended otherwise are left out.
  const directories = page.getByRole('region', { name: 'By directory' })
  await directories.getByText(`${tenantResults.length} directories`, { exact: false }).waitFor()
  await directories.getByRole('combobox', { name: 'Outcome of the directory' }).click()
  await page.getByRole('option', { name: 'Cancelled' }).click()
  await directories.getByText('No directory of this run ended so.').waitFor()
  await page.context().close()
})

test('the history and the people of a run are fetched as CSV', async () => {
  const page = await signedIn(browser, 'administrator')
  await page.goto(`${site}${entra}/runs?type=initial`)
  const [history] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV of these runs' }).click()])
  assert.equal(history.suggestedFilename(), 'entrasync-runs.csv')
  await page.getByRole('link', { name: 'First sync' }).first().click()
  const workflow = await page.getByRole('link', { name: 'this run in the Temporal UI' }).getAttribute('href')
  assert.ok((await fetch(workflow)).ok, `a dead link: ${workflow}`)
  const [people] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV of these people' }).click()])
  assert.match(people.suggestedFilename(), /people\.csv$/)
  await page.context().close()
})

test('a CSV that has more pages than are fetched says that it is cut off', async () => {
  const page = await signedIn(browser, 'administrator')
  let pages = 0
  await page.route('**/entrasync.syncengine.v1.RunService/ListRuns', async (route) => {
    if (!route.request().postDataJSON().asCsv) return route.continue()
    pages++
    await route.fulfill({ json: { csv: `run_id\nline ${pages}\n`, nextPageToken: 'more' } })
  })
  await page.goto(`${site}${entra}/runs`)
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV of these runs' }).click()])
  const lines = readFileSync(await file.path(), 'utf8').trim().split('\n')
  assert.ok(pages > 1 && lines.length === pages + 1, `${lines.length} lines of ${pages} pages`)
  await page.getByRole('alert').getByText('The CSV is cut off').waitFor()
  await look(page, 'runs-csv-cut-off')
  await page.context().close()
})
