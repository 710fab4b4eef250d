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

const names = { administrator: /Ada Administrator/, reader: /Rita Reader/, client: /Carl Client/ }

// signedIn is a page on which somebody has signed in by the issuer's own page.
export async function signedIn(browser, who, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, bypassCSP: true, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  await page.goto(gateway + '/integrations')
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: names[who] }).click()
  await page.waitForURL(gateway + '/integrations')
  if (site !== gateway) await page.goto(site + '/integrations')
  return page
}

// accessible fails for everything that axe finds, and takes a picture of the screen.
export async function look(page, name) {
  await page.mouse.move(0, 0)
  await page.evaluate(() => globalThis.scrollTo(0, 0))
  await page.screenshot({ path: `${shots}${name}.png`, fullPage: (await page.getByRole('dialog').count()) === 0 })
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  const found = violations.map((violation) => `${violation.id}: ${violation.help}: ${violation.nodes.map((node) => node.html.slice(0, 140)).join(' | ')}`)
  assert.deepEqual(found, [], `${name}: accessibility`)
}

// setFlag turns a flag on or off for the tenant of the demonstration, as the platform does.
export async function setFlag(key, on) {
  const platformKey = process.env.ENTRASYNC_PLATFORM_KEY ?? readFileSync(new URL('.local/platform-key', root), 'utf8').trim()
  const answer = await fetch(`${gateway}/api/v1/platform-feature-flags/${key}/tenants`, {
    method: 'POST',
    headers: { 'x-api-key': platformKey, 'content-type': 'application/json' },
    body: JSON.stringify({ __action: on ? 'add' : 'remove', tenantId: 'msp-demo' }),
  })
  assert.ok(answer.ok, await answer.text())
}

// token is a bearer token of the administrator.
export async function token() {
  const answer = await fetch(identity + '/token', {
    method: 'POST',
    body: JSON.stringify({ tenantId: 'msp-demo', sub: 'administrator', userType: 'internal', permissions: ['system_settings.read', 'system_settings.update'] }),
  })
  return (await answer.json()).access_token
}

// call is a call of the public interface as the administrator, to look at what a screen has done.
export async function call(method, path, body) {
  const answer = await fetch(gateway + path, { method, headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body) })
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`)
  return answer.json()
}

// microsoft moves the simulated Microsoft.
export async function microsoft(method, path, body) {
  const answer = await fetch(simulator + path, { method, headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) })
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`)
  return answer.status === 204 ? undefined : answer.json()
}

// ended waits until a run has ended, and returns it.
export async function ended(runId) {
  for (let tries = 0; tries < 240; tries++) {
    const { run } = await call('GET', `/api/integrations/entra/sync/runs/${runId}`)
    if (!['queued', 'running'].includes(run.state)) return run
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Error(`the run ${runId} does not end`)
}
