import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, closeSync, openSync, readdirSync, readFileSync, readlinkSync, statSync, truncateSync, unlinkSync, utimesSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { InputFile, Progress } from '../../src-shared/job'
import { hashFiles, throwIfChanged } from './hash-files'
import { failureOf, never, stopOf, until } from './testing/failure-of'
import { md5Of } from './testing/media-files'
import { sampleInput } from './testing/sample-jobs'
import { useTempDirs } from './testing/temp-dir'

const MiB = 1024 * 1024
/** Longer than any test may take. */
const endless = 64 * 1024 * MiB
const workerUrl = new URL('../../out/main/hash-worker.js', import.meta.url)

describe('hashFiles', () => {
  const tempDir = useTempDirs()
  let dir: string
  beforeEach(() => void (dir = tempDir()))

  const picked = (name: string): InputFile => {
    const path = join(dir, name)
    return sampleInput(name, { path, sizeBytes: statSync(path).size, mtimeMs: statSync(path).mtimeMs })
  }
  const file = (name: string, content: Buffer | string): InputFile => {
    writeFileSync(join(dir, name), content)
    return picked(name)
  }
  /** Takes no room on the disk, and long enough to be caught at it. */
  const large = (name: string, sizeBytes = 256 * MiB): InputFile => {
    writeFileSync(join(dir, name), '')
    truncateSync(join(dir, name), sizeBytes)
    return picked(name)
  }
  const hash = (files: readonly InputFile[], report: (progress: Progress) => void = () => undefined, signal: AbortSignal = never) => hashFiles(files, workerUrl, report, signal)
  const isOpen = (path: string): boolean =>
    readdirSync('/proc/self/fd').some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path
      } catch {
        return false
      }
    })

  it.each([1, 1000, MiB - 1, MiB, MiB + 1, 2 * MiB, 2 * MiB + 1, 5 * MiB + 12345])('is right for %i bytes', async (sizeBytes) => {
    const content = randomBytes(sizeBytes)
    expect(await hash([file('a.mp4', content)])).toEqual([md5Of(content)])
  })

  it('answers two at once, in order', async () => {
    const [long, short] = [randomBytes(8 * MiB), randomBytes(10)]
    expect(await hash([file('long.mp4', long), file('short.wav', short)])).toEqual([md5Of(long), md5Of(short)])
  })

  it('does not read a file whose hash is known', async () => {
    const known = { ...sampleInput('gone.mp4'), md5: 'a'.repeat(32) }
    const content = randomBytes(10)
    expect(await hash([known, file('new.wav', content)])).toEqual(['a'.repeat(32), md5Of(content)])
  })

  it('reports how far both are, together, up to all', async () => {
    const [one, two] = [large('one.mp4', 128 * MiB), large('two.wav', 64 * MiB)]
    const reports: Progress[] = []
    await hash([one, two, { ...large('known.mp4'), md5: 'b'.repeat(32) }], (progress) => reports.push(progress))
    expect(reports.at(-1)).toMatchObject({ unit: 'bytes', done: 192 * MiB, total: 192 * MiB })
    expect(reports.map(({ done }) => done)).toEqual([...reports].map(({ done }) => done).sort((a, b) => a - b))
  })

  it('is right beyond what one read returns', async () => {
    const path = join(dir, 'holes.mp4')
    large('holes.mp4', 40 * MiB)
    const handle = openSync(path, 'r+')
    writeSync(handle, Buffer.from('here'), 0, 4, 33 * MiB + 7)
    closeSync(handle)
    expect(await hash([picked('holes.mp4')])).toEqual([createHash('md5').update(readFileSync(path)).digest('hex')])
  })

  it.runIf(process.platform === 'linux')('ends the reading when it is asked to stop (looked up where Linux shows open files)', async () => {
    const one = large('one.mp4', endless)
    const stopping = new AbortController()
    const stopped = stopOf(hash([one], () => stopping.abort(), stopping.signal))
    await until(() => isOpen(one.path))
    await stopped
    await until(() => !isOpen(one.path))
  })

  it('reads nothing when it was stopped before', async () => {
    await stopOf(hash([sampleInput('gone.mp4')], () => undefined, AbortSignal.abort()))
  })

  it.runIf(process.platform === 'linux')('ends the reading of both when one fails (looked up where Linux shows open files)', async () => {
    const [one, two] = [large('one.mp4', endless), large('two.wav')]
    const failure = failureOf(hash([one, two]))
    await until(() => isOpen(one.path))
    utimesSync(two.path, new Date(), new Date(1_600_000_000_000))
    expect((await failure).code).toBe('file_changed')
    await until(() => !isOpen(one.path))
  })

  it.each<[string, string, (path: string) => void]>([
    ['has become longer', 'file_changed', (path) => appendFileSync(path, 'x')],
    ['has become shorter', 'file_changed', (path) => truncateSync(path, 10)],
    ['was written again', 'file_changed', (path) => utimesSync(path, new Date(), new Date(1_600_000_000_000))],
    ['has gone', 'file_missing', (path) => unlinkSync(path)],
    ['has become empty', 'file_empty', (path) => truncateSync(path, 0)],
  ])('notices a file that %s since it was picked', async (_what, code, change) => {
    const one = file('one.mp4', 'content of a file')
    change(one.path)
    expect((await failureOf(hash([one]))).toData()).toEqual({ code, detail: { file: 'one.mp4' } })
  })

  it.each<[string, string, (path: string) => void]>([
    ['becomes longer', 'file_changed', (path) => appendFileSync(path, 'x')],
    ['becomes shorter', 'file_changed', (path) => truncateSync(path, 10)],
    ['is written to', 'file_changed', (path) => utimesSync(path, new Date(), new Date(1_600_000_000_000))],
    ['goes away', 'file_missing', (path) => unlinkSync(path)],
  ])('notices a file that %s while it is read', async (_what, code, change) => {
    const one = large('one.mp4')
    let changed = false
    const failure = await failureOf(
      hash([one], () => {
        if (!changed) change(one.path)
        changed = true
      }),
    )
    expect(failure.toData()).toEqual({ code, detail: { file: 'one.mp4' } })
  })

  it('calls a worker that is not there a fault of ours', async () => {
    expect((await failureOf(hashFiles([file('a.mp4', 'x')], new URL('file:///nowhere/worker.js'), () => undefined, never))).code).toBe('internal')
  })
})

describe('throwIfChanged', () => {
  const tempDir = useTempDirs()

  it('lets pass what is as it was', async () => {
    const path = join(tempDir(), 'a.mp4')
    writeFileSync(path, 'content')
    await throwIfChanged(sampleInput('a.mp4', { path, sizeBytes: 7, mtimeMs: statSync(path).mtimeMs }))
  })

  it('notices other bytes of the same length by the time', async () => {
    const path = join(tempDir(), 'a.mp4')
    writeFileSync(path, 'content')
    const before = sampleInput('a.mp4', { path, sizeBytes: 7, mtimeMs: statSync(path).mtimeMs })
    writeFileSync(path, 'CONTENT')
    utimesSync(path, new Date(), new Date(before.mtimeMs + 5))
    expect((await failureOf(throwIfChanged(before))).toData()).toEqual({ code: 'file_changed', detail: { file: 'a.mp4' } })
  })
})
