// What is kept and for how long: a file that was of no use to anyone for its time is removed. Several programs may share
// the folder, and none knows the others' tasks: each marks again and again what its own need, and goes by the marks.
import { setTimeout as wait } from 'node:timers/promises'
import { reasonOf, type Log } from '../log'
import type { FileStore } from './file-store'

export interface KeepFilesParts {
  readonly files: FileStore
  /** The inputs of every task that has not ended. */
  readonly needed: () => Promise<Iterable<string>>
  /** Since its last use. */
  readonly ttlMs: number
  readonly log: Log
}

/** Often enough that what is needed never comes near its end, even when a round fails. */
const roundsPerLife = 4
const longestRoundMs = 3600_000

/** Goes on until the signal aborts. */
export async function keepFiles(parts: KeepFilesParts, signal: AbortSignal): Promise<void> {
  const roundMs = Math.min(parts.ttlMs / roundsPerLife, longestRoundMs)
  while (!signal.aborted) {
    try {
      await keepRound(parts)
    } catch (error) {
      parts.log.warn('files_not_swept', { reason: reasonOf(error) })
    }
    await wait(roundMs, undefined, { signal, ref: false }).catch(() => undefined)
  }
}

/** Marks, then removes; nothing is removed when it cannot be told what is needed. */
export async function keepRound({ files, needed, ttlMs, log }: KeepFilesParts, now = Date.now()): Promise<void> {
  for (const hash of new Set(await needed())) await files.use(hash)
  const removed = await files.sweep(now - ttlMs, now)
  if (removed > 0) log.info('files_removed', { count: removed })
}
