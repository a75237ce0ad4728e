// The real backend, as a process of its own on ports of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface BackendProcess {
  readonly apiUrl: string
  readonly gpuUrl: string
  readonly stop: () => Promise<void>
}

export const backendKeys = { license: 'LICENSE-1234', expired: 'LICENSE-OLD', gpuSecret: 'gpu-secret-5678' } as const

export async function startBackend(dir: string): Promise<BackendProcess> {
  const licenseFile = join(dir, 'licenses.json')
  writeFileSync(licenseFile, JSON.stringify([{ key: backendKeys.license }, { key: backendKeys.expired, expires_at: '2020-01-01' }]))
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../out/main/backend.js', import.meta.url)), 'all', '--exit-with-parent'], {
    env: {
      ...{ PATH: process.env['PATH'], HOST: '127.0.0.1', API_PORT: '0', GPU_PORT: '0', DATA_DIR: join(dir, 'data') },
      ...{ LICENSE_FILE: licenseFile, GPU_SECRET: backendKeys.gpuSecret, ENGINE: 'mux' },
    },
    // Its log is of no interest here; a pipe nobody reads would stop it.
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const closed = once(child, 'close')
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    closed.then(() => {
      throw new Error('the backend did not start: is out/ built?')
    }),
  ])) as [string]
  const { apiUrl, gpuUrl } = JSON.parse(line) as { apiUrl: string; gpuUrl: string }
  return {
    apiUrl,
    gpuUrl,
    stop: async () => {
      child.kill('SIGTERM')
      await closed
    },
  }
}
