// The programs of the load run, as an operator would start them: Redis, API processes, GPU workers. Each says in its first
// line where it listens; what they say besides is kept and shown when one ends by itself.
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { projectRoot } from '../scripts/project-root.mjs'

const workerSecret = 'secret of the workers'
const monitorSecret = 'secret of the monitor'
const backend = join(projectRoot, 'out', 'main', 'backend.js')

export async function startPrograms(dir, licenseKeys) {
  const children = []
  const workerDirs = []
  let stopping = false
  const start = (name, command, args, env = {}) => {
    const child = spawn(command, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-4000)))
    const lines = createInterface({ input: child.stdout })
    const ended = new Promise((resolve) => child.once('close', resolve))
    void ended.then((code) => {
      if (!stopping) console.error(`${name} ended with ${String(code)}: ${said}`)
    })
    // Workers are machines of their own: here they leave the processors to what is measured.
    if (name.startsWith('worker')) setPriority(child.pid, constants.priority.PRIORITY_LOW)
    children.push({ child, ended })
    return { lines, ended, said: () => said }
  }
  const startBackend = async (name, role, env) => {
    const { lines, ended, said } = start(name, process.execPath, [backend, role], {
      HOST: '127.0.0.1',
      API_PORT: '0',
      GPU_PORT: '0',
      WORKER_SECRET: workerSecret,
      MONITOR_SECRET: monitorSecret,
      DATA_DIR: join(dir, name),
      ...env,
    })
    return await new Promise((resolve, reject) => {
      lines.once('line', (line) => resolve(JSON.parse(line)))
      void ended.then(() => reject(new Error(`${name} did not start: ${said()}`)))
    })
  }

  const redisPort = await freePort()
  const redis = start('redis', 'redis-server', ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir])
  await new Promise((resolve, reject) => {
    redis.lines.on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve()
    })
    void redis.ended.then(() => reject(new Error('redis-server did not start')))
  })

  let apis = 0
  return {
    monitorSecret,
    async startApi() {
      const ready = await startBackend(`api-${String(++apis)}`, 'api', {
        REDIS_URL: `redis://127.0.0.1:${String(redisPort)}`,
        LICENSE_KEYS: licenseKeys.join(','),
        API_FILES_DIR: join(dir, 'files'),
      })
      return ready.apiUrl
    },
    /** Each at one of the API processes, with a folder and files of its own. */
    async startWorkers(count, apiUrls) {
      await Promise.all(
        Array.from({ length: count }, (_, index) => {
          const name = `worker-${String(index + 1)}`
          workerDirs.push(join(dir, name))
          return startBackend(name, 'gpu', { HUB_URL: `${apiUrls[index % apiUrls.length].replace('http', 'ws')}/dsp`, ENGINE: 'mux' })
        }),
      )
    },
    /** How many workers brought which task to its end: their own books, not the API's. */
    async runs() {
      const runs = new Map()
      for (const workerDir of workerDirs) {
        const text = await readFile(join(workerDir, 'gpu', 'tasks.jsonl'), 'utf8').catch(() => '')
        const done = new Set()
        for (const line of text.split('\n').filter(Boolean)) {
          const task = JSON.parse(line)
          if (task.state?.kind === 'done') done.add(task.hubId ?? task.id)
        }
        for (const id of done) runs.set(id, (runs.get(id) ?? 0) + 1)
      }
      return runs
    },
    async stop() {
      stopping = true
      for (const { child } of children) child.kill('SIGTERM')
      await Promise.all(children.map(({ ended }) => ended))
    },
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
