// What a person without a mouse does: go to something by the tabulator, and press a key there.

// reach presses the tabulator until something has the focus. What cannot be reached fails.
async function reach(page, locator, key = 'Tab') {
  await locator.waitFor()
  for (let presses = 0; presses < 250; presses++) {
    if (await locator.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press(key)
  }
  throw new Error(`cannot be reached by ${key}: ${locator}`)
}

// press goes to something and presses Enter, as on a button or a link.
export async function press(page, locator, key = 'Tab') {
  await reach(page, locator, key)
  await page.keyboard.press('Enter')
}

// type goes to a field and types.
export async function type(page, locator, text) {
  await reach(page, locator)
  await page.keyboard.type(text)
}

export { reach }
