import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createLog } from './log'
import { RecordFile } from './record-file'

const schema = z.object({ id: z.string(), n: z.number() })

describe('RecordFile', () => {
  let dir: string
  let path: string
  let said: string[]
  let opened: RecordFile<z.infer<typeof schema>>[]
  const open = async () => {
    const file = await RecordFile.open(path, schema, createLog((line) => said.push(line)))
    opened.push(file)
    return file
  }

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'record-file-'))
    path = join(dir, 'records.jsonl')
    said = []
    opened = []
  })
  afterEach(async () => {
    for (const file of opened) await file.close()
    await rm(dir, { recursive: true })
  })

  it('finds the last version of every record again, in the order of their first', async () => {
    const file = await open()
    await Promise.all([file.save({ id: 'a', n: 1 }), file.save({ id: 'b', n: 2 }), file.save({ id: 'a', n: 3 })])
    await file.close()
    expect([...(await open()).values()]).toEqual([{ id: 'a', n: 3 }, { id: 'b', n: 2 }])
  })

  it('has a record on disk when save resolves, without a close', async () => {
    const file = await open()
    await file.save({ id: 'a', n: 1 })
    expect(await readFile(path, 'utf8')).toBe('{"id":"a","n":1}\n')
    await file.close()
  })

  it('leaves out a torn last line and lines of another shape, and says so', async () => {
    await writeFile(path, '{"id":"a","n":1}\n{"id":"b"}\nnonsense\n{"id":"c","n":3}\n{"id":"d","n"')
    const file = await open()
    expect([...file.values()].map((record) => record.id)).toEqual(['a', 'c'])
    expect(said.join()).toContain('"lines":3')
    // What is saved now does not stick to the torn line.
    await file.save({ id: 'e', n: 5 })
    await file.close()
    expect([...(await open()).values()].map((record) => record.id)).toEqual(['a', 'c', 'e'])
  })

  it('stays small though records change for ever', async () => {
    const file = await open()
    const saves = Array.from({ length: 5000 }, (_, n) => file.save({ id: String(n % 3), n }))
    await Promise.all(saves)
    await file.save({ id: 'last', n: 1 })
    await file.close()
    expect((await readFile(path, 'utf8')).split('\n').length).toBeLessThan(10)
    expect([...(await open()).values()].map((record) => record.n)).toEqual([4998, 4999, 4997, 1])
  })

  it('shows held records to readers, and keeps them with the next save only', async () => {
    const file = await open()
    await file.save({ id: 'a', n: 1 })
    file.hold({ id: 'a', n: 2 })
    expect(file.get('a')).toEqual({ id: 'a', n: 2 })
    await file.close()
    expect((await open()).get('a')).toEqual({ id: 'a', n: 1 })
  })

  it('writes what it still owes when the disk takes writes again', async () => {
    const file = await open()
    const broken = file as unknown as { handle: { appendFile: unknown } }
    const { handle } = broken
    broken.handle = {
      appendFile: async () => {
        await appendFile(path, '{"id":"a"')
        throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      },
    }
    await expect(file.save({ id: 'a', n: 1 })).rejects.toThrow('full')
    broken.handle = handle
    await file.save({ id: 'b', n: 2 })
    await file.close()
    expect([...(await open()).values()]).toEqual([{ id: 'a', n: 1 }, { id: 'b', n: 2 }])
  })
})
