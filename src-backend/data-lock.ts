// One program per data folder: two would take away one another's half-finished files. The lock is a listening pipe,
// which the system takes back when the program ends, in whatever way; a pid in a file could be anyone's by then.
import { createHash } from 'node:crypto'
import { mkdir, realpath, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Another program works on this folder. */
export class DataFolderInUse extends Error {}

/** Makes the folder. Held until the process ends; rejects with DataFolderInUse. */
export async function lockDataFolder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  const address = addressFor(await realpath(dir))
  if (await tryListen(address)) return
  // Where the pipe is a file, it outlives a program that was killed: then nobody answers.
  if (address.startsWith('/') && !(await answers(address))) {
    await rm(address, { force: true })
    if (await tryListen(address)) return
  }
  throw new DataFolderInUse(`another backend is running on ${dir}`)
}

function addressFor(dir: string): string {
  const name = `lipsync-desk-${createHash('sha256').update(dir).digest('hex').slice(0, 24)}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`
  // A name beginning with NUL is Linux's own kind: no file.
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`)
}

function tryListen(address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server: Server = createServer((socket) => socket.destroy())
    server.unref()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else reject(error)
    })
    server.listen(address, () => {
      resolve(true)
    })
  })
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => {
      resolve(false)
    })
  })
}
