import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'
import packageJson from './package.json' with { type: 'json' }

const here = import.meta.dirname
const at = (path: string): string => resolve(here, path)

// One folder of programs: main, the CLI, the backend and the hash worker find one another as siblings
// (`new URL('./backend.js', import.meta.url)` in the entry files), so shared chunks lie beside them too.
export default defineConfig({
  main: {
    define: { __PINNED_ELECTRON__: JSON.stringify(packageJson.devDependencies.electron) },
    build: {
      outDir: 'out/main',
      rollupOptions: {
        input: {
          main: at('src-main/main.ts'),
          cli: at('src-main/cli.ts'),
          'hash-worker': at('src-main/submitter/hash-worker.ts'),
          backend: at('src-backend/main.ts'),
        },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunk-[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      rollupOptions: {
        input: { preload: at('src-main/preload.ts') },
        // A sandboxed preload is CommonJS, whatever the package says.
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: at('src-renderer'),
    // Main puts a fresh nonce in its place at every load (app-protocol.ts).
    html: { cspNonce: '__CSP_NONCE__' },
    build: {
      outDir: at('out/renderer'),
      // electron-vite leaves it off; the window opens sooner with a third of the script to read.
      minify: true,
      rollupOptions: {
        input: { index: at('src-renderer/index.html') },
        // Mantine marks its files for server components, of which there are none here: hundreds of warnings otherwise.
        checks: { moduleLevelDirective: false },
      },
    },
    plugins: [react()],
  },
})
