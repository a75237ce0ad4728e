import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import Database from 'libsql'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openJobStore, type JobStore } from './job-store'
import { sampleInput, sampleJob } from './testing/sample-jobs'
import { useTempDirs } from './testing/temp-dir'

// Processes that live as long as the test: the one that started it, and the first of the system.
const [otherPid, anotherPid] = [process.ppid, 1]

describe('the job store', () => {
  const tempDir = useTempDirs()
  let path: string
  const opened: JobStore[] = []
  beforeEach(() => void (path = join(tempDir(), 'new', 'ledger.db')))
  afterEach(() => {
    for (const store of opened.splice(0)) store.close()
  })
  const open = (pid?: number): JobStore => {
    const store = openJobStore(path, pid)
    opened.push(store)
    return store
  }
  /** What another program of this system does to the ledger. */
  const raw = (sql: string): unknown[] => {
    const db = new Database(path)
    try {
      return db.prepare(sql).all()
    } finally {
      db.close()
    }
  }
  const execute = (sql: string): void => {
    const db = new Database(path)
    db.exec(sql)
    db.close()
  }
  /** A process that has ended. */
  const deadPid = async (): Promise<number> => {
    const child = spawn(process.execPath, ['-e', ''])
    await once(child, 'close')
    return child.pid ?? 0
  }

  it('makes a ledger where none is', () => {
    expect(open().load()).toEqual([])
    expect(existsSync(path)).toBe(true)
    expect(raw('PRAGMA user_version')).toEqual([{ user_version: 1 }])
    expect(raw('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }])
  })

  it('keeps jobs as they are over a restart, newest first', () => {
    const jobs = [
      sampleJob({ id: 'old', createdAtMs: 1 }),
      sampleJob({ id: 'new', createdAtMs: 3, state: { kind: 'failed', during: 'uploading', error: { code: 'secret_wrong', detail: { host: 'x' } } }, taskId: 't', sentBytes: 5 }),
      sampleJob({ id: 'middle', createdAtMs: 2, video: sampleInput('口型"\'🎤.mp4', { md5: 'a'.repeat(32), media: null }) }),
    ]
    for (const job of jobs) open().save(job)
    expect(open().load()).toEqual([jobs[1], jobs[2], jobs[0]])
    expect(open().get('middle')).toEqual(jobs[2])
    expect(open().get('nobody')).toBeNull()
  })

  it('has the latest of two saves, and none that was removed', () => {
    const store = open()
    store.save(sampleJob({ sentBytes: 1 }))
    store.save(sampleJob({ sentBytes: 2 }))
    expect(store.load()).toEqual([sampleJob({ sentBytes: 2 })])
    store.remove('job-1')
    store.remove('job-1')
    expect(store.load()).toEqual([])
  })

  it.each([
    ['no JSON', '{"half'],
    ['JSON of another kind', '{"id":"bad"}'],
    ['a state that nobody knows', JSON.stringify({ ...sampleJob({ id: 'bad' }), state: { kind: 'dreaming' } })],
  ])('reports a row that is %s, keeps it, and reads the others', (_what, data) => {
    const store = open()
    store.save(sampleJob({ id: 'good' }))
    execute(`INSERT INTO jobs (id, created_at_ms, state, data) VALUES ('bad', 1, 'x', '${data}')`)
    const again = open()
    expect(again.load().map(({ id }) => id)).toEqual(['good'])
    expect(again.unreadable()).toEqual(['bad'])
    expect(again.get('bad')).toBeNull()
    expect(raw("SELECT data FROM jobs WHERE id = 'bad'")).toEqual([{ data }])
  })

  describe('gives a job', () => {
    it('to one living process at a time', () => {
      const [mine, other] = [open(), open(otherPid)]
      mine.save(sampleJob())
      expect(mine.claim('job-1')).toBe(true)
      expect(mine.claim('job-1')).toBe(true)
      expect(other.claim('job-1')).toBe(false)
      other.release('job-1')
      expect(other.claim('job-1')).toBe(false)
      mine.release('job-1')
      expect(other.claim('job-1')).toBe(true)
      expect(mine.claim('job-1')).toBe(false)
    })

    it('to nobody when it is not there', () => {
      expect(open().claim('nobody')).toBe(false)
    })

    it('on when its process has died', async () => {
      open().save(sampleJob())
      expect(open(await deadPid()).claim('job-1')).toBe(true)
      expect(open().claim('job-1')).toBe(true)
      expect(open(otherPid).claim('job-1')).toBe(false)
    })

    it('and keeps its owner over a save', () => {
      const [mine, other] = [open(), open(otherPid)]
      mine.save(sampleJob())
      mine.claim('job-1')
      mine.save(sampleJob({ sentBytes: 3 }))
      expect(other.claim('job-1')).toBe(false)
    })
  })

  describe('passes on', () => {
    it('that a job should be cancelled, once, to the process that has it', () => {
      const [mine, other, another] = [open(), open(otherPid), open(anotherPid)]
      mine.save(sampleJob())
      mine.claim('job-1')
      other.askCancel('job-1')
      expect(another.takeCancelAsks()).toEqual([])
      expect(mine.takeCancelAsks()).toEqual(['job-1'])
      expect(mine.takeCancelAsks()).toEqual([])
    })

    it('no asking that was meant for an earlier owner', () => {
      const [mine, other] = [open(), open(otherPid)]
      mine.save(sampleJob())
      mine.claim('job-1')
      other.askCancel('job-1')
      mine.release('job-1')
      expect(other.claim('job-1')).toBe(true)
      expect(other.takeCancelAsks()).toEqual([])
    })

    it('that another process changed something, once, and nothing of its own changes', () => {
      const [mine, other] = [open(), open(otherPid)]
      expect(mine.changedElsewhere()).toBe(false)
      mine.save(sampleJob())
      expect(mine.changedElsewhere()).toBe(false)
      other.save(sampleJob({ sentBytes: 1 }))
      expect(mine.changedElsewhere()).toBe(true)
      expect(mine.changedElsewhere()).toBe(false)
    })
  })

  it('remembers of each API which Bearer it takes', () => {
    const { memory } = open()
    expect(memory.apiTakesSecret('http://a')).toBeNull()
    memory.rememberApiTakesSecret('http://a', true)
    memory.rememberApiTakesSecret('http://b', false)
    const again = open().memory
    expect([again.apiTakesSecret('http://a'), again.apiTakesSecret('http://b'), again.apiTakesSecret('http://c')]).toEqual([true, false, null])
    again.rememberApiTakesSecret('http://a', false)
    expect(memory.apiTakesSecret('http://a')).toBe(false)
  })

  it('waits for a program that makes the ledger at the same moment', async () => {
    mkdirSync(dirname(path))
    // A lock from another process, since waiting for one stops this one; given back after a while.
    const holder = spawn(process.execPath, [
      '-e',
      `const db = new (require(${JSON.stringify(createRequire(import.meta.url).resolve('libsql'))}))(${JSON.stringify(path)})
       db.exec('BEGIN EXCLUSIVE')
       console.log('locked')
       setTimeout(() => db.exec('COMMIT'), 300)`,
    ])
    const closed = once(holder, 'close')
    await once(createInterface({ input: holder.stdout }), 'line')
    open().save(sampleJob())
    expect(open().load()).toHaveLength(1)
    await closed
  })

  it('leaves a ledger of a newer program alone', () => {
    open().save(sampleJob())
    execute('PRAGMA user_version = 99')
    expect(open().load()).toHaveLength(1)
    expect(raw('PRAGMA user_version')).toEqual([{ user_version: 99 }])
  })
})
