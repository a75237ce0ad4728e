import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../log'
import { md5Of } from '../test-media'
import { FileStore, type StoredFile } from './file-store'
import { keepRound } from './keep-files'

const day = 24 * 3600_000

describe('FileStore', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'files-'))
  })
  afterEach(() => rm(dir, { recursive: true }))

  const put = async (store: FileStore, content: string): Promise<StoredFile> => {
    const incoming = await store.receive()
    void incoming.write(Buffer.from(content))
    return store.keep(incoming, { hash: md5Of(content), ext: '.wav' })
  }
  const age = async (path: string, ms: number): Promise<void> => {
    const then = (Date.now() - ms) / 1000
    await utimes(path, then, then)
  }

  it('finds what another program put into the same folder, and misses what that one removed', async () => {
    const [one, other] = [await FileStore.open(dir), await FileStore.open(dir)]
    expect(await other.find(md5Of('x'))).toBeUndefined()
    const kept = await put(one, 'x')
    expect(await other.find(md5Of('x'))).toEqual(kept)
    await put(one, 'y')
    expect(await other.find(md5Of('y'))).toBeDefined()
    await rm(kept.path)
    expect([await one.find(md5Of('x')), await other.find(md5Of('x'))]).toEqual([undefined, undefined])
  })

  it('looks again where the folder’s time may be too coarse to tell of a change', async () => {
    const [one, other] = [await FileStore.open(dir), await FileStore.open(dir)]
    const changedAt = new Date()
    await utimes(join(dir, 'store'), changedAt, changedAt)
    expect(await other.find(md5Of('x'))).toBeUndefined()
    await put(one, 'x')
    await utimes(join(dir, 'store'), changedAt, changedAt)
    expect(await other.find(md5Of('x'))).toBeDefined()
  })

  it('leaves the other one its half-finished files, until nobody can be at work on them', async () => {
    const one = await FileStore.open(dir)
    const incoming = await one.receive()
    const left = join(dir, 'incoming', 'left')
    await writeFile(left, 'half')
    await age(left, 2 * 3600_000)
    const other = await FileStore.open(dir)
    expect(await readdir(join(dir, 'incoming'))).toHaveLength(1)
    await age(incoming.path, 2 * 3600_000)
    await other.sweep(0)
    expect(await readdir(join(dir, 'incoming'))).toEqual([])
    await incoming.drop()
  })

  it('tells whoever waits when a file has come, and when it came again', async () => {
    const store = await FileStore.open(dir)
    const told: string[] = []
    const stop = store.subscribe((hash) => told.push(hash))
    await put(store, 'x')
    await put(store, 'x')
    stop()
    await put(store, 'y')
    expect(told).toEqual([md5Of('x'), md5Of('x')])
  })

  it('removes what was of no use for its time, and nothing that a task needs', async () => {
    const store = await FileStore.open(dir)
    const [unused, needed, used, fresh] = [await put(store, 'unused'), await put(store, 'needed'), await put(store, 'used'), await put(store, 'fresh')]
    for (const file of [unused, needed, used]) await age(file.path, 2 * day)
    await store.use(used.hash)
    const said: string[] = []
    const parts = { files: store, ttlMs: day, log: createLog((line) => said.push(line)) }
    await keepRound({ ...parts, needed: async () => [needed.hash, 'of a file that never came'] })
    const names = (await readdir(join(dir, 'store'))).sort()
    expect(names).toEqual([needed, used, fresh].map(({ hash, ext }) => hash + ext).sort())
    expect((await stat(needed.path)).mtimeMs).toBeGreaterThan(Date.now() - day)
    expect(said.join()).toContain('"count":1')
  })

  it('removes nothing while it cannot be told what is needed', async () => {
    const store = await FileStore.open(dir)
    const { path } = await put(store, 'x')
    await age(path, 2 * day)
    const needed = async (): Promise<string[]> => Promise.reject(new Error('the queue cannot be asked'))
    await expect(keepRound({ files: store, ttlMs: day, log: createLog(() => undefined), needed })).rejects.toThrow('cannot be asked')
    expect(await store.find(md5Of('x'))).toBeDefined()
  })
})
