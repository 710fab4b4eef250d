// The console within a page of a host application, which hands it a token: from the one origin that the
// local stack allows, and from another.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'

import { look, open, site, token } from './browser.mjs'

let browser

before(async () => {
  browser = await open()
})
after(() => browser?.close())

// host serves a page that shows a screen of the console and hands over a token when it is asked, and
// another when its button is pressed; beside it may stand a frame of somebody else.
async function host(port, path, bearer, { next = '', beside = '' } = {}) {
  const page = `<!doctype html><html lang="en"><title>A host application</title><main><h1>A host application</h1>
    <button onclick='frames[0].postMessage({ type: "entrasync:token", token: ${JSON.stringify(next)} }, ${JSON.stringify(site)})'>Another person</button>
    <script>addEventListener('message', (event) => {
      if (event.origin === ${JSON.stringify(site)} && event.data.type === 'entrasync:ready') event.source.postMessage({ type: 'entrasync:token', token: ${JSON.stringify(bearer)} }, event.origin)
    })</script>
    <iframe title="entrasync" src="${site}${path}" width="1200" height="760"></iframe>${beside}</main></html>`
  return serve(port, page)
}

async function serve(port, page) {
  const server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(page))
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, 'localhost', resolve))
  return server
}

test('a host application shows a screen by its route and signs its person in', async () => {
  const server = await host(9600, '/integrations/entra/mapping', await token())
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  try {
    const page = await context.newPage()
    await page.goto('http://localhost:9600/')
    const frame = page.frameLocator('iframe')
    await frame.getByRole('table', { name: 'Directories and clients' }).waitFor()
    assert.equal(await frame.getByRole('button', { name: /account$/ }).count(), 0, 'offers to sign out of the host')
    await frame.getByRole('link', { name: 'Overview' }).click()
    await frame.getByRole('heading', { name: 'What needs you' }).waitFor()
    assert.deepEqual(await context.cookies(), [], 'a session beside the token')
    await page.screenshot({ path: new URL('../shots/embedded.png', import.meta.url).pathname })
  } finally {
    await context.close()
    server.close()
  }
})

test('the host application hands over another token, and the frame goes on with that', async () => {
  const server = await host(9600, '/integrations/entra', await token(undefined, { permissions: ['system_settings.read'] }), { next: await token() })
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  try {
    const page = await context.newPage()
    await page.goto('http://localhost:9600/')
    const frame = page.frameLocator('iframe')
    await frame.getByRole('heading', { name: 'What needs an administrator' }).waitFor()
    const sync = frame.getByRole('button', { name: 'Sync all tenants now' })
    assert.equal(await sync.count(), 0, 'a reader starts syncs')
    await page.getByRole('button', { name: 'Another person' }).click()
    await sync.waitFor()
  } finally {
    await context.close()
    server.close()
  }
})

test('a token from another frame of the page is not taken', async () => {
  const stranger = await serve(9601, `<!doctype html><html lang="en"><title>Another</title><p>Another frame</p>
    <script>setInterval(() => { parent.frames[0].postMessage({ type: 'entrasync:token', token: ${JSON.stringify(await token())} }, '*'); document.querySelector('p').textContent = 'Posted' }, 200)</script></html>`)
  const server = await host(9600, '/integrations', '', { beside: '<iframe title="another" src="http://localhost:9601/"></iframe>' })
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.goto('http://localhost:9600/')
    const frame = page.frameLocator('iframe').first()
    await frame.getByText('Waiting for the application around this page', { exact: false }).waitFor()
    await page.frameLocator('iframe[title="another"]').getByText('Posted').waitFor()
    // The session is asked for every five seconds: twice with nothing taken.
    for (let i = 0; i < 2; i++) await page.waitForResponse((answer) => answer.url().endsWith('/auth/session') && answer.status() === 401)
    await frame.getByText('Waiting for the application around this page', { exact: false }).waitFor()
  } finally {
    await context.close()
    server.close()
    stranger.close()
  }
})

test('a page of another origin shows nothing of it', async () => {
  const server = await host(9601, '/integrations', await token())
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    const refused = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'))
    await page.goto('http://localhost:9601/')
    await refused
    assert.equal(await page.frameLocator('iframe').getByText('entrasync').count(), 0)
  } finally {
    await context.close()
    server.close()
  }
})

test('without a token an embedded console waits, and offers no sign-in of its own', async () => {
  const server = await host(9600, '/integrations', '')
  const context = await browser.newContext({ bypassCSP: true })
  try {
    const page = await context.newPage()
    await page.goto('http://localhost:9600/')
    await page.frameLocator('iframe').getByText('Waiting for the application around this page', { exact: false }).waitFor()
    await look(page, 'embedded-waiting')
  } finally {
    await context.close()
    server.close()
  }
})
