// An input that was sent to the API while this machine was off: fetched from there, hashed as it passes, kept only when it
// is what its name says. A cut is gone on from; whether the task waits when it cannot be had is worker.ts's business.
import { setTimeout as wait } from 'node:timers/promises'
import { apiPaths } from '../../src-shared/api-contract'
import { hubPath } from '../../src-shared/hub-contract'
import { declaredExt, UploadRefused, type FileStore } from '../files/file-store'
import type { IncomingFile } from '../files/incoming-file'
import { reasonOf, type Log } from '../log'

export interface InputSource {
  /** Resolves when the file is in the store; rejects with InputNotThere, or with the signal's reason. */
  fetch(hash: string, signal: AbortSignal): Promise<void>
}

/** It cannot be had now. It may be later: it is no failure of the task. */
export class InputNotThere extends Error {}

export interface FetchTimes {
  readonly tries: number
  /** The first wait before trying again; doubled each time up to the longest. */
  readonly againMs: number
  readonly longestAgainMs: number
  /** A sender that is silent for so long is gone. */
  readonly idleMs: number
}

export const fetchTimes: FetchTimes = { tries: 6, againMs: 500, longestAgainMs: 8000, idleMs: 30_000 }

export interface FetchParts {
  readonly files: FileStore
  /** Of the API's files, without a slash at the end. */
  readonly url: string
  readonly secret: string
  readonly log: Log
  readonly times: FetchTimes
}

/** The API has its hub and its files at one address, whatever stands before it. */
export function filesUrlOf(hubUrl: string): string {
  const url = new URL(hubUrl)
  url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:'
  url.search = ''
  url.hash = ''
  const base = url.pathname.replace(/\/+$/, '')
  url.pathname = (base.endsWith(hubPath) ? base.slice(0, -hubPath.length) : base) + apiPaths.files
  return url.href
}

export function createInputSource(parts: FetchParts): InputSource {
  return { fetch: (hash, signal) => new Fetch(parts, hash).run(signal) }
}

/** Trying again cannot mend it. */
class Refused extends Error {}

class Fetch {
  private incoming: IncomingFile | undefined
  private filename = ''

  constructor(
    private readonly parts: FetchParts,
    private readonly hash: string,
  ) {}

  async run(signal: AbortSignal): Promise<void> {
    const { times, log } = this.parts
    let waitMs = times.againMs
    try {
      for (let left = times.tries; ; left--) {
        try {
          await this.attempt(signal)
          return
        } catch (error) {
          signal.throwIfAborted()
          const reason = causeOf(error)
          log.warn('input_not_fetched', { file: this.hash, reason, bytes: this.incoming?.sizeBytes ?? 0 })
          if (error instanceof Refused || left <= 1) throw new InputNotThere(`an input could not be fetched from the API: ${reason}`)
        }
        // Between half and all of it: workers that lost the API together do not come back together.
        await wait(waitMs * (0.5 + Math.random() / 2), undefined, { signal })
        waitMs = Math.min(waitMs * 2, times.longestAgainMs)
      }
    } finally {
      await this.drop()
    }
  }

  private async attempt(signal: AbortSignal): Promise<void> {
    const { files, url, secret, times, log } = this.parts
    const idle = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const hearing = (): void => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        idle.abort(new Error('the API is silent'))
      }, times.idleMs)
    }
    hearing()
    try {
      const from = this.incoming?.sizeBytes ?? 0
      const range = from > 0 ? { Range: `bytes=${String(from)}-`, 'If-Range': `"${this.hash}"` } : {}
      const response = await fetch(`${url}/${this.hash}`, {
        headers: { Authorization: `Bearer ${secret}`, ...range },
        signal: AbortSignal.any([signal, idle.signal]),
        // The secret would go with it.
        redirect: 'error',
      })
      await this.begin(response, from)
      const incoming = (this.incoming ??= await files.receive())
      for await (const chunk of response.body ?? []) {
        hearing()
        await this.write(incoming, chunk as Uint8Array)
      }
    } finally {
      clearTimeout(timer)
    }
    const { incoming } = this
    if (!incoming) return
    const { sizeBytes } = incoming
    this.incoming = undefined
    // Refuses what is not what it is called; then it begins anew.
    await files.keep(incoming, { hash: this.hash, ext: declaredExt('', this.filename) })
    log.info('input_fetched', { file: this.hash, bytes: sizeBytes })
  }

  /** What the disk refused cannot be gone on from. */
  private async write(incoming: IncomingFile, chunk: Uint8Array): Promise<void> {
    try {
      await incoming.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    } catch (error) {
      await this.drop()
      throw error
    }
  }

  /** Whether these bytes go on where the last ones ended. */
  private async begin(response: Response, from: number): Promise<void> {
    if (response.status !== 200 && response.status !== 206) {
      await response.body?.cancel()
      if (response.status === 416) await this.drop()
      const said = `HTTP ${String(response.status)}`
      if (response.status === 404) throw new Refused('the API does not have it')
      if (response.status === 401 || response.status === 403) throw new Refused(`the API refuses this worker (${said})`)
      throw new Error(said)
    }
    if (from > 0 && !goesOnFrom(response, from)) {
      await this.drop()
      // Whole again, from the same reply; a part that is another one is of no use.
      if (response.status === 206) {
        await response.body?.cancel()
        throw new Error('the API sent another part than was asked for')
      }
    }
    this.filename = /filename="?([^";]+)/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? ''
  }

  private async drop(): Promise<void> {
    await this.incoming?.drop()
    this.incoming = undefined
  }
}

function goesOnFrom(response: Response, from: number): boolean {
  return response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${String(from)}-`) === true
}

/** fetch says "fetch failed" and keeps the reason below. */
function causeOf(error: unknown): string {
  if (error instanceof Refused || error instanceof UploadRefused) return error.message
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return (cause as NodeJS.ErrnoException).code ?? reasonOf(cause)
}
