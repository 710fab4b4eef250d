import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

// The development server forwards everything that is not a page to a stack that runs (`make up`).
const gateway = process.env.ENTRASYNC_GATEWAY ?? 'http://localhost:8080'
const forwarded = { target: gateway, changeOrigin: false }

// clean removes what the last build wrote. The folder itself is in version control, with a file that
// keeps what is built out of it.
const clean: Plugin = {
  name: 'clean',
  apply: 'build',
  buildStart: () => rmSync('dist/assets', { recursive: true, force: true }),
}

// compress writes what browsers load compressed beside it, so that nobody waits while the gateway does.
const compress: Plugin = {
  name: 'compress',
  apply: 'build',
  closeBundle: () => {
    for (const name of readdirSync('dist/assets')) {
      const path = `dist/assets/${name}`
      const whole = readFileSync(path)
      writeFileSync(`${path}.gz`, gzipSync(whole, { level: 9 }))
      writeFileSync(`${path}.br`, brotliCompressSync(whole, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: whole.length } }))
    }
  },
}

export default defineConfig({
  plugins: [clean, react(), compress],
  build: { emptyOutDir: false, target: 'es2022', sourcemap: false, chunkSizeWarningLimit: 900 },
  server: {
    port: 5173,
    proxy: { '/api': forwarded, '/auth': forwarded, '^/entrasync\\.': forwarded },
  },
})
