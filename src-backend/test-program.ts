// The real program for tests: bundled once per test file from the sources as they are, started as a process of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'vite'

const projectDir = join(import.meta.dirname, '..')

/** Below the project, so that it finds its dependencies. */
export async function bundleBackend(name: string): Promise<{ readonly program: string; remove(): Promise<void> }> {
  const outDir = join(projectDir, '.cache', 'test', `backend-${name}-${String(process.pid)}`)
  await mkdir(outDir, { recursive: true })
  await build({
    root: projectDir,
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    build: {
      ssr: join(import.meta.dirname, 'main.ts'),
      outDir,
      target: 'node20',
      rollupOptions: { output: { format: 'es', entryFileNames: 'backend.js' } },
    },
  })
  return { program: join(outDir, 'backend.js'), remove: () => rm(outDir, { recursive: true, force: true }) }
}

export interface Ready {
  readonly event: 'ready'
  readonly roles: readonly string[]
  readonly apiUrl: string
  readonly gpuUrl: string
}

export interface StartedProgram {
  readonly child: ChildProcess
  /** Rejects with what it said when it ends instead. */
  readonly ready: Promise<Ready>
  /** All of stdout, line by line, and all of stderr so far. */
  readonly stdout: readonly string[]
  readonly stderr: () => string
  readonly ended: Promise<number | NodeJS.Signals | null>
}

export function startProgram(program: string, args: readonly string[], environment: Record<string, string>): StartedProgram {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH ?? '', HOST: '127.0.0.1', API_PORT: '0', GPU_PORT: '0', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const stdout: string[] = []
  const lines = createInterface({ input: child.stdout }).on('line', (line) => stdout.push(line))
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => {
      resolve(signal ?? code)
    })
  })
  const ready = new Promise<Ready>((resolve, reject) => {
    lines.once('line', (line) => {
      resolve(JSON.parse(line) as Ready)
    })
    void ended.then((code) => {
      reject(new Error(`ended with ${String(code)}: ${said}`))
    })
  })
  ready.catch(() => undefined)
  return { child, ready, stdout, stderr: () => said, ended }
}
