// Media and servers that the tests need, made for real: ffmpeg writes the files, the backend is its own program.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, truncate } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot, sampleVideo } from './desk-app'

const run = promisify(execFile)

export const ffmpeg = async (...args: string[]): Promise<void> => void (await run('ffmpeg', ['-v', 'error', '-y', ...args]))

/** A voice of that many seconds: speech-like noise, 16 kHz mono. */
export async function makeVoice(path: string, seconds: number): Promise<string> {
  await ffmpeg('-f', 'lavfi', '-i', `sine=frequency=180:duration=${seconds},tremolo=f=5`, '-ar', '16000', path)
  return path
}

/** The sample presenter, made as large as a real recording: the room is a `free` box at its end, which players skip. */
export async function makeLargePresenter(path: string, sizeBytes: number): Promise<string> {
  await run('cp', [sampleVideo, path])
  const { size } = await import('node:fs').then(({ statSync }) => statSync(path))
  const boxBytes = sizeBytes - size
  const head = Buffer.alloc(8)
  head.writeUInt32BE(boxBytes, 0)
  head.write('free', 4, 'latin1')
  await appendFile(path, head)
  await truncate(path, sizeBytes)
  return path
}

export interface Probe {
  readonly videoCodec: string | undefined
  readonly audioCodec: string | undefined
  readonly durationSec: number
}

/** What ffprobe finds in a file: another program's eyes than ours. */
export async function probe(path: string): Promise<Probe> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-of', 'json', '-show_streams', '-show_format', path])
  const { streams, format } = JSON.parse(stdout) as { streams: { codec_type: string; codec_name: string }[]; format: { duration: string } }
  const codecOf = (type: string): string | undefined => streams.find(({ codec_type }) => codec_type === type)?.codec_name
  return { videoCodec: codecOf('video'), audioCodec: codecOf('audio'), durationSec: Number(format.duration) }
}

export interface Role {
  /** Undefined where the role listens to nobody. */
  readonly apiUrl: string | undefined
  readonly gpuUrl: string | undefined
  readonly process: ChildProcess
  readonly stop: () => Promise<void>
}

/** A role of the backend as operators run it: a program of its own. Ports are free ones unless given. */
export async function startRole(role: 'all' | 'api' | 'gpu' | 'monitor', env: Readonly<Record<string, string>>): Promise<Role> {
  const child = spawn(process.execPath, [join(projectRoot, 'out/main/backend.js'), role], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], API_PORT: '0', GPU_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { apiUrl, gpuUrl } = JSON.parse(line) as { apiUrl?: string; gpuUrl?: string }
  return {
    apiUrl,
    gpuUrl,
    process: child,
    stop: async () => {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

export interface Backend extends Role {
  readonly apiUrl: string
  readonly gpuUrl: string
}

/** API and GPU service in one program. */
export async function startBackend(dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<Backend> {
  const role = await startRole('all', { DATA_DIR: dataDir, ...env })
  return { ...role, apiUrl: role.apiUrl ?? '', gpuUrl: role.gpuUrl ?? '' }
}
