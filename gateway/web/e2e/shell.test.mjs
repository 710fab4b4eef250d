// What a browser loads before it shows anything, and what it loads when.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { open, signedIn, site } from './browser.mjs'

let browser

before(async () => {
  browser = await open()
})
after(() => browser?.close())

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
