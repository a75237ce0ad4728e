// The ledger: jobs in SQLite, one transaction per fact. Shared by the app and the command line, so each job has an owner
// process while it runs. What is read back is parsed; a row that does not parse is kept and reported, never dropped.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'libsql'
import { z } from 'zod'
import { jobSchema, type Job } from '../../src-shared/job'
import type { ServerMemory, WakeMemory } from './servers'

export interface JobStore {
  /** All jobs, newest first. */
  readonly load: () => Job[]
  readonly get: (id: string) => Job | null
  readonly save: (job: Job) => void
  readonly remove: (id: string) => void
  /** Makes the job this process's own; false while another living process runs it. */
  readonly claim: (id: string) => boolean
  readonly release: (id: string) => void
  /** Asks the process that owns the job to cancel it. */
  readonly askCancel: (id: string) => void
  /** Jobs of this process that another one asked to cancel; forgets the asking. */
  readonly takeCancelAsks: () => string[]
  /** True once after each change that another process made. */
  readonly changedElsewhere: () => boolean
  readonly memory: ServerMemory & WakeMemory
  /** Rows that could not be read, by id. */
  readonly unreadable: () => readonly string[]
  readonly close: () => void
}

// Each entry is one step; its index plus one is the schema's version after it (PRAGMA user_version).
const migrations = [
  `CREATE TABLE jobs (
     id TEXT PRIMARY KEY, created_at_ms INTEGER NOT NULL, state TEXT NOT NULL, data TEXT NOT NULL,
     owner_pid INTEGER, cancel_asked INTEGER NOT NULL DEFAULT 0);
   CREATE INDEX jobs_by_time ON jobs (created_at_ms DESC);
   CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL);`,
] as const

const wakesSchema = z.array(z.number().positive()).catch([])

interface Row {
  readonly id: string
  readonly data: string
}

/** Opens or makes the ledger at `path`. Throws where the disk refuses. */
export function openJobStore(path: string, pid: number = process.pid): JobStore {
  mkdirSync(dirname(path), { recursive: true })
  const db = new Database(path)
  // WAL with NORMAL survives a kill; two programs may write at once. The waiting comes first: going over to WAL locks too.
  db.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  migrate(db)
  const unreadable = new Set<string>()
  const parse = (row: Row): Job | null => {
    try {
      return jobSchema.parse(JSON.parse(row.data))
    } catch {
      unreadable.add(row.id)
      return null
    }
  }
  const statements = {
    all: db.prepare('SELECT id, data FROM jobs ORDER BY created_at_ms DESC, rowid DESC'),
    one: db.prepare('SELECT id, data FROM jobs WHERE id = ?'),
    save: db.prepare(
      `INSERT INTO jobs (id, created_at_ms, state, data) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, data = excluded.data`,
    ),
    remove: db.prepare('DELETE FROM jobs WHERE id = ?'),
    owner: db.prepare('SELECT owner_pid FROM jobs WHERE id = ?'),
    own: db.prepare('UPDATE jobs SET owner_pid = ?, cancel_asked = 0 WHERE id = ? AND owner_pid IS ?'),
    release: db.prepare('UPDATE jobs SET owner_pid = NULL WHERE id = ? AND owner_pid = ?'),
    askCancel: db.prepare('UPDATE jobs SET cancel_asked = 1 WHERE id = ?'),
    asked: db.prepare('SELECT id FROM jobs WHERE cancel_asked = 1 AND owner_pid = ?'),
    forgetAsk: db.prepare('UPDATE jobs SET cancel_asked = 0 WHERE id = ?'),
    version: db.prepare('PRAGMA data_version'),
    recall: db.prepare('SELECT value FROM memory WHERE key = ?'),
    remember: db.prepare('INSERT INTO memory (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value'),
  }
  const dataVersion = (): number => Number((statements.version.get() as { data_version: number }).data_version)
  let seenVersion = dataVersion()
  const recallWakes = (gpuUrl: string): number[] => {
    const row = statements.recall.get(`wakes ${gpuUrl}`) as { value: string } | undefined
    return row === undefined ? [] : wakesSchema.parse(JSON.parse(row.value))
  }

  return {
    load: () => (statements.all.all() as Row[]).flatMap((row) => parse(row) ?? []),
    get: (id) => {
      const row = statements.one.get(id) as Row | undefined
      return row === undefined ? null : parse(row)
    },
    save: (job) => void statements.save.run(job.id, job.createdAtMs, job.state.kind, JSON.stringify(job)),
    remove: (id) => void statements.remove.run(id),
    claim: (id) => {
      const owner = (statements.owner.get(id) as { owner_pid: number | null } | undefined)?.owner_pid
      if (owner === undefined) return false
      if (owner === pid) return true
      if (owner !== null && isAlive(owner)) return false
      // The row still has to have the owner that was seen: of two that try at once, one wins.
      return statements.own.run(pid, id, owner).changes === 1
    },
    release: (id) => void statements.release.run(id, pid),
    askCancel: (id) => void statements.askCancel.run(id),
    takeCancelAsks: () => {
      const ids = (statements.asked.all(pid) as { id: string }[]).map(({ id }) => id)
      for (const id of ids) statements.forgetAsk.run(id)
      return ids
    },
    changedElsewhere: () => {
      const version = dataVersion()
      const changed = version !== seenVersion
      seenVersion = version
      return changed
    },
    memory: {
      apiTakesSecret: (apiUrl) => {
        const row = statements.recall.get(`api-takes-secret ${apiUrl}`) as { value: string } | undefined
        return row === undefined ? null : row.value === 'yes'
      },
      rememberApiTakesSecret: (apiUrl, takes) => void statements.remember.run(`api-takes-secret ${apiUrl}`, takes ? 'yes' : 'no'),
      usualWakeMs: (gpuUrl) => {
        const wakes = recallWakes(gpuUrl).sort((a, b) => a - b)
        return wakes[Math.floor(wakes.length / 2)] ?? null
      },
      rememberWake: (gpuUrl, tookMs) => void statements.remember.run(`wakes ${gpuUrl}`, JSON.stringify([...recallWakes(gpuUrl), tookMs].slice(-10))),
    },
    unreadable: () => [...unreadable],
    close: () => void db.close(),
  }
}

function migrate(db: Database.Database): void {
  const version = Number((db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version)
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue
    // Another program may be doing the same: the lock is taken first, then the version is looked at again.
    db.exec('BEGIN IMMEDIATE')
    try {
      const now = Number((db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version)
      if (now === index) db.exec(`${step}; PRAGMA user_version = ${index + 1}`)
      db.exec('COMMIT')
    } catch (thrown) {
      db.exec('ROLLBACK')
      throw thrown
    }
  }
}

/** Whether a process of this id lives; one we may not signal does. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}
