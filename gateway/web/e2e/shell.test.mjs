// What a browser loads before it shows anything, and what it loads when.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'

import { as, call, open, signedIn, site, worked } from './browser.mjs'

let browser

before(async () => {
  browser = await open()
})
after(() => browser?.close())

test('a first load with nothing kept shows the screen within 1.5 s', async () => {
  // Other work on the machine makes loads longer: where the clock says too much, twice the page's own work
  // on the processor stands for the load, the other half being for the answers that it waits for.
  const tries = []
  for (let i = 0; i < 3; i++) {
    const page = await as(browser)
    let wall = 0
    const tasks = await worked(page, async () => {
      await page.goto(site + '/integrations', { waitUntil: 'commit' })
      await page.getByRole('region', { name: 'Microsoft Entra' }).waitFor()
      wall = await page.evaluate(() => performance.now())
    })
    tries.push({ wall, work: tasks.reduce((sum, task) => sum + task, 0) })
    await page.context().close()
  }
  console.log(`first loads: ${tries.map(({ wall, work }) => `${wall.toFixed(0)} ms, of these ${work.toFixed(0)} ms of work`).join('; ')}`)
  assert.ok(Math.min(...tries.map(({ wall, work }) => Math.min(wall, 2 * work))) < 1_500, 'a first load takes too long')
})

test('every call of the screens is one of the contracts, by the client that is generated from them', async () => {
  const page = await as(browser)
  const asked = new Set()
  page.on('request', (request) => ['fetch', 'xhr'].includes(request.resourceType()) && asked.add(new URL(request.url()).pathname))
  const entra = '/integrations/entra'
  const { runs } = await call('GET', `/api${entra}/sync/runs?type=all-tenants&pageSize=1`)
  const { clients } = await call('GET', '/api/clients?pageSize=1')
  const { contacts } = await call('GET', '/api/contacts?entra=linked&pageSize=1')
  for (const path of ['/integrations', entra, `${entra}/setup`, `${entra}/mapping`, `${entra}/runs`, `${entra}/runs/${runs[0].runId}`, `${entra}/queue`, `${entra}/settings`, `${entra}/explain?q=sandra`, '/clients', `/clients/${clients[0].id}`, '/contacts', `/contacts/${contacts[0].id}`, '/webhooks', '/audit']) {
    await page.goto(site + path)
    await page.getByRole('heading', { level: 1 }).waitFor()
    // Those that wait for the first answer before they ask for more.
    await page.getByRole('status', { name: /Loading|Comparing|Reading/ }).first().waitFor({ state: 'detached' })
    await page.waitForLoadState('networkidle')
  }
  const methods = generatedMethods()
  const calls = [...asked].filter((path) => !['/auth/session', '/auth/config'].includes(path))
  assert.ok(calls.length >= 15, `too few calls: ${calls}`)
  assert.deepEqual(calls.filter((path) => !methods.has(path)), [], 'calls that no contract has')
  await page.context().close()
})

// generatedMethods are the paths of the methods in the client that is generated from the contracts.
function generatedMethods() {
  const found = new Set()
  const generated = new URL('../src/gen/', import.meta.url)
  for (const name of readdirSync(generated, { recursive: true })) {
    if (!name.endsWith('_pb.ts')) continue
    const text = readFileSync(new URL(name, generated), 'utf8')
    for (const [, service, body] of text.matchAll(/^ \* @generated from service (\S+)\n \*\/\nexport const \w+: GenService<\{([\s\S]*?)^\}>/gm)) {
      for (const [, method] of body.matchAll(/@generated from rpc \S+\.(\w+)\n/g)) found.add(`/${service}/${method}`)
    }
  }
  return found
}

test('the Entra screens are a chunk of their own, and the shell stays within its budget', async () => {
  const page = await signedIn(browser, 'administrator')
  const scripts = async () => page.evaluate(() => performance.getEntriesByType('resource').filter((entry) => /\.js(\?|$)/.test(entry.name)).map((entry) => ({ name: entry.name.split('/').pop(), size: entry.encodedBodySize })))
  await page.goto(site + '/integrations')
  await page.getByRole('region', { name: 'Microsoft Entra' }).waitFor()
  const shell = await scripts()
  const total = shell.reduce((sum, script) => sum + script.size, 0)
  console.log(`the shell: ${total} bytes of compressed script in ${shell.length} files`)
  assert.ok(shell.length > 0 && total > 0, 'no script was loaded')
  assert.ok(total <= 250_000, `the shell loads ${total} bytes of compressed script`)
  await page.getByRole('link', { name: 'Mapping', exact: true }).click()
  await page.getByRole('heading', { name: 'Mapping', exact: true }).waitFor()
  const more = (await scripts()).filter((script) => !shell.some((known) => known.name === script.name))
  assert.ok(more.some((script) => script.name.startsWith('screens-')), `no chunk was loaded for the screen: ${JSON.stringify(more)}`)
  await page.context().close()
})
