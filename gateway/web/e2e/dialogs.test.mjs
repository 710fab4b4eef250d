// Every dialog and every menu in a real browser: accessible in light and dark, within a narrow window,
// and left by Escape, which gives the focus back to what opened it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { as, call, fits, look, open, site } from './browser.mjs'

const entra = '/integrations/entra'
let browser

before(async () => {
  browser = await open()
})
after(() => browser?.close())

const button = (page, name) => page.getByRole('button', { name }).first()

// row is the table's row of a directory that is mapped.
async function row(page) {
  await page.getByText('All (', { exact: false }).click()
  await page.getByLabel('Find').fill('talbot')
  return page.getByRole('row', { name: /Talbot/ })
}

async function menu(page) {
  const opener = (await row(page)).getByRole('button', { name: /^More for/ })
  await opener.click()
  return opener
}

async function item(page, name) {
  const opener = await menu(page)
  await page.getByRole('menuitem', { name }).click()
  return opener
}

// opened are what opens each, by its name; it returns what has the focus again afterwards, where that is told.
const opened = [
  ['menu-account', '/integrations', 'menu', async (page) => clicked(button(page, /account$/))],
  ['menu-colours', '/integrations', 'menu', async (page) => clicked(button(page, 'Light or dark'))],
  ['menu-mapping', `${entra}/mapping`, 'menu', menu],
  ['dialog-past', `${entra}/mapping`, 'dialog', async (page) => item(page, 'Earlier decisions')],
  ['dialog-unmap', `${entra}/mapping`, 'dialog', async (page) => item(page, 'End the mapping…')],
  ['picker-client', `${entra}/mapping`, 'listbox', async (page) => void (await (await row(page)).getByRole('button', { name: /^Change for/ }).click())],
  [
    'dialog-import',
    `${entra}/mapping`,
    'dialog',
    async (page) => {
      const { csv } = await call('GET', `/api${entra}/mappings/export`).catch(() => ({ csv: '' }))
      await page.locator('input[type=file]').setInputFiles({ name: 'mappings.csv', mimeType: 'text/csv', buffer: Buffer.from(csv || 'managed_tenant_id,decision\n') })
      await page.waitForLoadState('networkidle')
      if (csv) await page.getByText(/^The file changes nothing: /).waitFor()
    },
  ],
  ['dialog-disconnect', `${entra}/setup`, 'dialog', async (page) => clicked(button(page, 'Disconnect'))],
  ['dialog-keys', `${entra}/queue`, 'dialog', async (page) => clicked(button(page, 'Keyboard shortcuts'))],
  ['dialog-dismiss', `${entra}/queue`, 'dialog', async (page) => clicked(button(page, 'Dismiss'))],
  ['picker-contact', `${entra}/queue`, 'listbox', async (page) => void (await button(page, /^Another contact/).click(), await page.getByLabel('Another contact of this client').first().click())],
  ['select-interval', `${entra}/settings`, 'listbox', async (page) => void (await page.getByRole('combobox', { name: 'How often' }).click())],
  ['select-outcome', `${entra}/runs`, 'listbox', async (page) => void (await page.getByRole('combobox', { name: 'Outcome' }).click())],
  ['dialog-webhook', '/webhooks', 'dialog', async (page) => clicked(button(page, 'Add a webhook'))],
]

// focused waits until something has the focus, which comes a moment after what took it is closed.
async function focused(opener, name) {
  for (let tries = 0; tries < 50; tries++) {
    if (await opener.evaluate((element) => element === document.activeElement)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail(`${name}: the focus is lost`)
}

async function clicked(opener) {
  await opener.click()
  return opener
}

for (const [size, viewport] of [['wide', { width: 1360, height: 900 }], ['narrow', { width: 390, height: 844 }]]) {
  test(`every dialog and menu is accessible and is left by Escape, ${size}`, async () => {
    const page = await as(browser, { viewport })
    for (const [name, path, role, act] of opened) {
      await page.goto(site + path)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.waitForLoadState('networkidle')
      const opener = await act(page)
      const shown = page.locator(`[role="${role}"]:visible:not([aria-label="People to decide about"])`).first()
      await shown.waitFor()
      await look(page, `${name}-${size}`)
      await fits(page, name)
      await page.keyboard.press('Escape')
      await shown.waitFor({ state: 'hidden' })
      if (opener) await focused(opener, name)
    }
    await page.context().close()
  })
}

test('on a narrow screen the navigation is opened, leads on, and closes', async () => {
  const page = await as(browser, { viewport: { width: 390, height: 844 } })
  await page.goto(site + entra)
  await page.getByRole('button', { name: 'Open the navigation' }).click()
  await page.getByRole('link', { name: 'Review queue' }).waitFor()
  await look(page, 'navigation-narrow')
  await page.getByRole('navigation').getByRole('link', { name: 'Mapping', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'Mapping' }).waitFor()
  await page.getByRole('button', { name: 'Open the navigation' }).waitFor()
  await page.context().close()
})
