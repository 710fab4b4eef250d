// Domain names outside ASCII travel as "xn--…". People read them as they are written; where that form
// may be taken for another name, the one that travels stands beside it.

// domainText is a domain name as people read it.
export function domainText(domain: string): string {
  if (!/(^|\.)xn--/i.test(domain)) return domain
  const labels = domain.toLowerCase().split('.').map(decoded)
  const name = labels.join('.')
  if (labels.some((label) => !sound(label))) return domain
  return labels.some(deceives) ? `${name} (${domain})` : name
}

// addressText is an e-mail address, or a sign-in name, with its domain as people read it.
export function addressText(address: string): string {
  const at = address.lastIndexOf('@')
  return at < 0 ? address : address.slice(0, at + 1) + domainText(address.slice(at + 1))
}

// siteText is the domain name in the address of a website, as people read it; what is no address stays.
export function siteText(address: string): string {
  const url = address.includes('://') ? address : `https://${address}`
  const host = URL.canParse(url) ? new URL(url).hostname : ''
  return host.includes('.') ? domainText(host) : address
}

// What a decoded label never holds: what cannot be seen, or is not as registries store it.
function sound(label: string): boolean {
  return label !== '' && !/^xn--/i.test(label) && !/[\p{C}\p{Z}]/u.test(label) && label === label.normalize('NFC').toLowerCase()
}

// Letters of other scripts, and of Latin beyond ASCII, that are drawn as those of ASCII.
const lookalikes = /^[-0-9асԁеһіјӏоорԛѕԝхуүαοινρτυχⲟօսհıȷɑɡɩʟ]+$/u
const scripts = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Hebrew', 'Arabic', 'Devanagari', 'Thai', 'Georgian', 'Han', 'Hiragana', 'Katakana', 'Hangul', 'Bopomofo'].map((name) => ({ name, letter: new RegExp(`\\p{Script=${name}}`, 'u') }))
// Scripts that are written together.
const together = [['Latin', 'Han', 'Hiragana', 'Katakana'], ['Latin', 'Han', 'Hangul'], ['Latin', 'Han', 'Bopomofo']]

function deceives(label: string): boolean {
  if (/^[-0-9a-z]*$/.test(label)) return false
  if (lookalikes.test(label) || /[^\p{L}\p{M}\p{Nd}-]/u.test(label) || /[ıȷɑɡɩʟ]|[a-z]\p{M}/u.test(label)) return true
  const used = scripts.filter(({ letter }) => letter.test(label)).map(({ name }) => name)
  const known = [...label].every((char) => !/\p{L}/u.test(char) || scripts.some(({ letter }) => letter.test(char)))
  return !known || (used.length > 1 && !together.some((set) => used.every((name) => set.includes(name))))
}

// decoded is a label without its ASCII form, by RFC 3492; the label itself where that is none.
function decoded(label: string): string {
  if (!label.startsWith('xn--')) return label
  const text = label.slice(4)
  const points = [...text.slice(0, Math.max(0, text.lastIndexOf('-')))].map((char) => char.charCodeAt(0))
  let [n, i, bias] = [128, 0, 72]
  for (let at = points.length > 0 ? points.length + 1 : 0; at < text.length; ) {
    const before = i
    for (let weight = 1, k = 36; ; k += 36) {
      const digit = 'abcdefghijklmnopqrstuvwxyz0123456789'.indexOf(text.charAt(at++) || '?')
      if (digit < 0) return label
      i += digit * weight
      const threshold = Math.min(26, Math.max(1, k - bias))
      if (digit < threshold) break
      weight *= 36 - threshold
    }
    const length = points.length + 1
    bias = adapted(i - before, length, before === 0)
    n += Math.floor(i / length)
    i %= length
    if (n > 0x10ffff) return label
    points.splice(i++, 0, n)
  }
  return String.fromCodePoint(...points)
}

function adapted(delta: number, length: number, first: boolean): number {
  let left = Math.floor(delta / (first ? 700 : 2))
  left += Math.floor(left / length)
  let k = 0
  for (; left > 455; k += 36) left = Math.floor(left / 35)
  return k + Math.floor((36 * left) / (left + 38))
}
