// Holds what a browser loads before it shows anything against its budget: the scripts that index.html
// names, with those that they import at once, compressed as the gateway sends them.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const budget = 250_000 // bytes
const dist = new URL('../dist/', import.meta.url)
const read = (name) => readFileSync(new URL(name, dist))

const page = read('index.html').toString()
const found = new Set([...page.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map((match) => match[1]))
for (const name of found) {
  for (const [, next] of read(name).toString().matchAll(/(?:^|[;}\s])import\s*(?:[^'"()]*from\s*)?["']\.\/([^"']+\.js)["']/g)) found.add(`assets/${next}`)
}
let total = 0
for (const name of found) {
  const bytes = gzipSync(read(name), { level: 9 }).length
  total += bytes
  console.log(`${String(bytes).padStart(8)} ${name}`)
}
console.log(`${String(total).padStart(8)} in all, of ${budget}`)
if (found.size === 0 || total > budget) {
  console.error('the shell is larger than its budget: load something on demand')
  process.exit(1)
}
