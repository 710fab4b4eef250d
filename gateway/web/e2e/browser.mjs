// What the tests in a browser share: where the stack is, a Chromium, people who sign in, a check of
// accessibility, and pictures.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

import { chromium } from 'playwright-core'

const gateway = process.env.ENTRASYNC_GATEWAY ?? 'http://localhost:8080'
// Where the console itself is: elsewhere than the gateway only while it is developed.
export const site = process.env.ENTRASYNC_CONSOLE ?? gateway
const simulator = process.env.ENTRASYNC_SIMULATOR ?? 'http://localhost:9400'
const identity = process.env.ENTRASYNC_IDENTITY ?? 'http://localhost:9500'
const root = new URL('../../../', import.meta.url)
const shots = fileURLToPath(new URL('../shots/', import.meta.url))
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

// What a machine without a closed network would do by itself, and what is not needed for a test.
const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

function browserPath() {
  const found = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path && existsSync(path))
  assert.ok(found, 'no Chromium is here; it is installed by: sudo apt-get install -y chromium (or name one with CHROMIUM)')
  return found
}

export async function open() {
  mkdirSync(shots, { recursive: true })
  return chromium.launch({ executablePath: browserPath(), args: quiet })
}

// How long is waited for what comes at once on a machine that has nothing else to do.
const patience = 60_000

const names = { administrator: /Ada Administrator/, reader: /Rita Reader/, client: /Carl Client/ }

// The organisation that \`make up\` has filled.
const demonstration = 'msp-demo'

// signedIn is a page on which somebody has signed in by the issuer's own page.
export async function signedIn(browser, who, { organisation = demonstration, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, bypassCSP: true, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(patience)
  await page.goto(gateway + '/integrations')
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Organisation').fill(organisation)
  await page.getByRole('button', { name: names[who] }).click()
  await page.waitForURL(gateway + '/integrations')
  if (site !== gateway) await page.goto(site + '/integrations')
  return page
}

// as is a page of somebody with these claims, signed in by a bearer token as an embedded console is.
export async function as(browser, { organisation = demonstration, permissions = ['system_settings.read', 'system_settings.update'], name = 'Ada Administrator', ...options } = {}) {
  const bearer = await token(organisation, { permissions, name })
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, bypassCSP: true, extraHTTPHeaders: { authorization: `Bearer ${bearer}` }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(patience)
  return page
}

// look fails for everything that axe finds in light and in dark, and for text that speaks in codes; it
// takes a picture of the screen in both.
export async function look(page, name) {
  await page.mouse.move(0, 0)
  await page.evaluate(() => globalThis.scrollTo(0, 0))
  assert.deepEqual(codes(await page.evaluate(() => document.body.innerText)), [], `${name}: text that speaks in codes`)
  await page.evaluate(axe)
  const fullPage = (await page.getByRole('dialog').count()) === 0
  for (const colorScheme of ['light', 'dark']) {
    // A colour on its way to another is neither.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    // A page around the console has no scheme of its own.
    if ((await page.locator('html[data-mantine-color-scheme]').count()) > 0) await page.locator(`html[data-mantine-color-scheme="${colorScheme}"]`).waitFor({ state: 'attached' })
    await page.screenshot({ path: `${shots}${name}-${colorScheme}.png`, fullPage, animations: 'disabled' })
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
    const found = violations.map((violation) => `${violation.id}: ${violation.help}: ${violation.nodes.map((node) => node.html.slice(0, 140)).join(' | ')}`)
    assert.deepEqual(found, [], `${name}: accessibility in ${colorScheme}`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
}

// codes are the words of a text that only a program reads: names with underscores, ids, what is not
// defined. Addresses of people, the names of accounts of programs and the secret of a webhook are as they are.
function codes(text) {
  const words = text.split(/\s+/).filter((word) => !word.includes('@') && !/^(whsec|svc)_/.test(word))
  return words.filter((word) => /[a-z]_[a-z]/.test(word) || /[0-9a-f]{8}-[0-9a-f]{4}-/.test(word) || /[a-z]\[\d+\]/.test(word) || /^\W*(undefined|null|NaN|\[object)\b/.test(word))
}

// fits fails where a page is wider than its window, and where a part of it scrolls sideways: but for a
// comparison of many contacts, which has that many columns.
export async function fits(page, name) {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  assert.ok(wider <= 0, `${name}: ${wider} pixels wider than the window`)
  const sideways = await page.evaluate(() =>
    [...document.querySelectorAll('body *:not(input, textarea)')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(element).overflowX) && element.checkVisibility())
      .map((element) => element.ariaLabel ?? element.className)
      .filter((label) => label !== 'The account beside the contacts'),
  )
  assert.deepEqual(sideways, [], `${name}: scrolls sideways`)
}

// pick chooses in a box that searches while one types, with the keyboard.
export async function pick(page, label, word) {
  await page.getByRole('combobox', { name: label }).fill(word)
  await chosen(page, word)
}

// chosen takes the one option that what was typed has left.
export async function chosen(page, word) {
  const option = page.getByRole('option')
  await option.filter({ hasText: new RegExp(word, 'i') }).waitFor()
  await option.nth(1).waitFor({ state: 'detached' })
  // An answer that comes meanwhile draws the option anew, not selected: then once more.
  for (let tries = 0; tries < 50 && (await option.count()) > 0; tries++) {
    await page.keyboard.press('ArrowDown')
    if ((await page.locator('[data-combobox-selected]').count()) === 0) continue
    await page.keyboard.press('Enter')
    await option.waitFor({ state: 'detached', timeout: 1_000 }).catch(() => undefined)
  }
  assert.equal(await option.count(), 0, `${word} was not chosen`)
}

// setFlag turns a flag on or off for an organisation, as the platform does.
export async function setFlag(key, on, organisation = demonstration) {
  const platformKey = process.env.ENTRASYNC_PLATFORM_KEY ?? readFileSync(new URL('.local/platform-key', root), 'utf8').trim()
  const answer = await fetch(`${gateway}/api/v1/platform-feature-flags/${key}/tenants`, {
    method: 'POST',
    headers: { 'x-api-key': platformKey, 'content-type': 'application/json' },
    body: JSON.stringify({ __action: on ? 'add' : 'remove', tenantId: organisation }),
  })
  assert.ok(answer.ok, await answer.text())
}

// token is a bearer token of the administrator, or of somebody with other claims.
export async function token(organisation = demonstration, claims = {}) {
  const answer = await fetch(identity + '/token', {
    method: 'POST',
    body: JSON.stringify({ tenantId: organisation, sub: 'administrator', userType: 'internal', permissions: ['system_settings.read', 'system_settings.update'], ...claims }),
  })
  return (await answer.json()).access_token
}

// call is a call of the public interface as the administrator, to look at what a screen has done.
export async function call(method, path, body, organisation = demonstration) {
  const answer = await fetch(gateway + path, { method, headers: { authorization: `Bearer ${await token(organisation)}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body) })
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`)
  return answer.json()
}

export const allFlags = ['entra-integration-ui', 'entra-integration-client-sync-action', 'entra-integration-field-sync', 'entra-integration-ambiguous-queue']

// newOrganisation is one of which nothing is known but what its application has sent: those clients of
// the simulated MSP whose names fit, and their contacts. Every test that asks has its own.
export async function newOrganisation(fit) {
  const organisation = `msp-${Date.now().toString(36)}-${Math.floor(Math.random() * 1e6).toString(36)}`
  for (const flag of allFlags) await setFlag(flag, true, organisation)
  if (!fit) return organisation
  const records = async (list) => (await (await fetch(`${simulator}/admin/msp/${list}`)).text()).split('\n').filter(Boolean).map((line) => JSON.parse(line))
  const clients = (await records('clients')).filter((client) => fit.test(client.name))
  const contacts = (await records('contacts')).filter((contact) => clients.some((client) => client.externalId === contact.clientExternalId))
  for (const [list, all] of [['clients', clients], ['contacts', contacts]]) {
    const { results } = await call('PUT', `/api/${list}:batch`, { [list]: all }, organisation)
    assert.deepEqual(results.filter((result) => result.outcome !== 'created'), [], `${list} of ${organisation}`)
  }
  return organisation
}

// connectedOrganisation is a new one with those clients, connected as a host application does it, that
// has found its directories.
export async function connectedOrganisation(fit) {
  const organisation = await newOrganisation(fit)
  const ask = (method, path, body) => call(method, `/api/integrations/entra${path}`, body, organisation)
  let address = (await ask('POST', '/connect', { connectionType: 'direct' })).authorizeUrl
  while (!new URL(address).searchParams.has('entra_status')) {
    const answer = await fetch(address, { redirect: 'manual' })
    assert.ok(answer.headers.has('location'), `${address} leads nowhere: ${answer.status}`)
    address = new URL(answer.headers.get('location'), address).href
  }
  await ask('POST', '/connect/complete', { completionCode: new URL(address).searchParams.get('completion_code') })
  let discovery = await ask('POST', '/discovery', {})
  while (discovery.state === 'running') {
    await new Promise((resolve) => setTimeout(resolve, 500))
    discovery = await ask('GET', '/discovery')
  }
  assert.equal(discovery.state, 'completed')
  return organisation
}

// syncedOrganisation is a connected one that is mapped where a client fits exactly, and synced once.
export async function syncedOrganisation(fit) {
  const organisation = await connectedOrganisation(fit)
  const ask = (method, path, body) => call(method, `/api/integrations/entra${path}`, body, organisation)
  const { autoMatched, version } = await ask('GET', '/mappings/preview')
  const decisions = autoMatched.map((row) => ({ managedTenantId: row.managedTenantId, decision: 'map', clientId: row.match.clientId }))
  const { run } = await ask('POST', '/mappings/confirm', { decisions, version, startInitialSync: true })
  assert.equal((await ended(run.runId, organisation)).state, 'completed')
  return organisation
}

// callbackAddress is where Microsoft sends people back; app registrations name it.
export const callbackAddress = `${gateway}/api/auth/microsoft/entra/callback`

// microsoft moves the simulated Microsoft.
export async function microsoft(method, path, body) {
  const answer = await fetch(simulator + path, { method, headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) })
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`)
  return answer.status === 204 ? undefined : answer.json()
}

// ended waits until a run has ended, and returns it.
export async function ended(runId, organisation = demonstration) {
  for (let tries = 0; tries < 480; tries++) {
    const { run } = await call('GET', `/api/integrations/entra/sync/runs/${runId}`, undefined, organisation)
    if (!['queued', 'running'].includes(run.state)) return run
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Error(`the run ${runId} does not end`)
}

// worked is how long each task of the page's main thread worked during act, in ms of the processor:
// what else the machine does at the same time does not count.
export async function worked(page, act) {
  const session = await page.context().newCDPSession(page)
  const events = []
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value))
  await session.send('Tracing.start', { categories: 'devtools.timeline,disabled-by-default-devtools.timeline,__metadata', transferMode: 'ReportEvents' })
  await act()
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0))))
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve))
  await session.send('Tracing.end')
  await complete
  const drawing = events.filter((event) => event.name === 'FireAnimationFrame').map((event) => event.pid)
  const mains = events.filter((event) => event.name === 'thread_name' && event.args.name === 'CrRendererMain' && drawing.includes(event.pid))
  const tasks = events.filter((event) => event.name === 'RunTask' && event.tdur && mains.some((main) => event.pid === main.pid && event.tid === main.tid))
  assert.ok(tasks.length > 0, 'an empty trace')
  return tasks.map((event) => event.tdur / 1000)
}
