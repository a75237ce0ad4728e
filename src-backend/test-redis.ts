// A real Redis for tests: a server of its own on a free port, with its data in a folder of its own; it can be stopped and
// started again as an operator would.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'

export type TestRedis = Awaited<ReturnType<typeof startTestRedis>>

export async function startTestRedis() {
  const dir = await mkdtemp(join(tmpdir(), 'redis-'))
  const port = await freePort()
  const url = `redis://127.0.0.1:${String(port)}`
  let server: ChildProcess
  const start = async (): Promise<void> => {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always']
    server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(new Error(`redis-server is needed for this test: ${error.message}`))
      })
      server.once('exit', (code) => {
        reject(new Error(`redis-server ended with ${String(code)}`))
      })
      server.stdout?.on('data', (text: Buffer) => {
        if (text.includes('Ready to accept connections')) resolve()
      })
    })
  }
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGKILL')
    await ended
  }
  await start()
  const client = createClient({ url })
  client.on('error', () => undefined)
  await client.connect()
  return {
    ...{ url, start, stop, client },
    async remove() {
      client.destroy()
      await stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
