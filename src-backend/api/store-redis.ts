// The store of many processes: Redis. A task is one record, changed only from the very text it was read as; indexes
// change with it in one script. Operators know `heygem:task:status:<id>` and the lists `dsp:pending_tasks:<license key>`.
import { gpuTaskStatusSchema } from '../../src-shared/gpu-contract'
import { z } from 'zod'
import type { Log } from '../log'
import { defineScript, type Redis } from './redis'
import { servingOrder, StoreUnavailable, type Created, type NewTask, type TaskCounts, type TaskStore } from './store'
import { apiTaskSchema, type ApiTask } from './task'
import { jobOf, statusOf } from './task-words'

const recordPrefix = 'heygem:task:status:'
const clientPrefix = 'heygem:task:client:'
const keys = {
  /** Sorted: those that wait by serving order, and by age; those that lack files by age; those with a worker by lease. */
  waiting: 'heygem:queue:waiting',
  since: 'heygem:queue:since',
  lacking: 'heygem:queue:lacking',
  leases: 'heygem:queue:leases',
} as const

/** What has ended is known this long, at least a day (contract.md §4). */
const endedTtlSeconds = 7 * 86_400
const triesAtOnce = 1000

/** The first four fields are the deployed server's. */
const recordSchema = z.object({
  task_id: z.string(),
  status: gpuTaskStatusSchema,
  request_id: z.string(),
  created_at: z.number(),
  progress: z.number(),
  task: apiTaskSchema,
})

/** Moves a task between the indexes: ARGV from `at` on is id, owner, was, now, lacking, created, lease end, list element. */
const index = `
local function index(at, turn)
  local id, owner, was, now = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local list = 'dsp:pending_tasks:' .. (redis.call('HGET', 'heygem:queue:licenses', owner) or owner)
  local created = ARGV[at + 5]
  if was == 'new' then
    local open = redis.call('HINCRBY', 'heygem:queue:open', owner, 1) - 1
    redis.call('HSET', 'heygem:queue:places', id, string.format('%.0f', tonumber(created) + open * turn))
  end
  if now == 'waiting' and was ~= 'waiting' then
    redis.call(was == 'new' and 'RPUSH' or 'LPUSH', list, ARGV[at + 7])
    redis.call('ZADD', '${keys.waiting}', redis.call('HGET', 'heygem:queue:places', id) or created, id)
    redis.call('ZADD', '${keys.since}', created, id)
  elseif now ~= 'waiting' and was == 'waiting' then
    redis.call('LREM', list, 1, ARGV[at + 7])
    redis.call('ZREM', '${keys.waiting}', id)
    redis.call('ZREM', '${keys.since}', id)
  end
  if now == 'waiting' and ARGV[at + 4] == '1' then redis.call('ZADD', '${keys.lacking}', created, id)
  else redis.call('ZREM', '${keys.lacking}', id) end
  if now == 'assigned' then redis.call('ZADD', '${keys.leases}', ARGV[at + 6], id)
  else redis.call('ZREM', '${keys.leases}', id) end
  if now == 'ended' then
    redis.call('HDEL', 'heygem:queue:places', id)
    if redis.call('HINCRBY', 'heygem:queue:open', owner, -1) <= 0 then redis.call('HDEL', 'heygem:queue:open', owner) end
  end
end
`

/** ARGV: record, client key or '', license key, limit, turn, then as for `index`. */
const createScript = defineScript(`${index}
if ARGV[2] ~= '' then
  local id = redis.call('GET', ARGV[2])
  local record = id and redis.call('GET', '${recordPrefix}' .. id)
  if record then return {'existing', record} end
end
redis.call('HSET', 'heygem:queue:licenses', ARGV[7], ARGV[3])
if redis.call('LLEN', 'dsp:pending_tasks:' .. ARGV[3]) >= tonumber(ARGV[4]) then return {'full'} end
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then redis.call('SET', ARGV[2], ARGV[6]) end
index(6, tonumber(ARGV[5]))
return {'created'}
`)

/** ARGV: record as it was read, record, client key or '', TTL, then as for `index`. */
const updateScript = defineScript(`${index}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[8] == 'ended' then
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  if ARGV[3] ~= '' then redis.call('EXPIRE', ARGV[3], ARGV[4]) end
end
index(5, 0)
return 1
`)

export class RedisTaskStore implements TaskStore {
  constructor(
    private readonly redis: Redis,
    private readonly log: Log,
  ) {}

  async create({ task, licenseKey, waitingLimit }: NewTask): Promise<Created> {
    const turn = servingOrder(0, 1)
    const args = [textOf(task), clientKey(task), licenseKey, String(waitingLimit), String(turn), ...indexArgs(task, 'new')]
    const [kind, record] = z.tuple([z.string()], z.string()).parse(await this.redis.script(createScript, [recordPrefix + task.id], args))
    if (kind === 'full') return { kind }
    if (kind === 'created') return { kind, task }
    const existing = this.parse(record ?? '')
    if (!existing) throw new StoreUnavailable('a record cannot be read')
    return { kind: 'existing', task: existing }
  }

  async find(id: string): Promise<ApiTask | undefined> {
    const text = await this.redis.run((client) => client.get(recordPrefix + id))
    return text === null ? undefined : this.parse(text)
  }

  async update(
    id: string,
    change: (task: ApiTask) => ApiTask,
  ): Promise<{ readonly task: ApiTask; readonly changed: boolean } | undefined> {
    // Each time it fails another one's change was made.
    for (let tries = 0; tries < triesAtOnce; tries += 1) {
      const text = await this.redis.run((client) => client.get(recordPrefix + id))
      const before = text === null ? undefined : this.parse(text)
      if (text === null || !before) {
        await this.forget(id)
        return undefined
      }
      const task = change(before)
      if (task === before) return { task, changed: false }
      const args = [text, textOf(task), clientKey(task), String(endedTtlSeconds), ...indexArgs(task, slotOf(before))]
      if ((await this.redis.script(updateScript, [recordPrefix + id], args)) === 1) return { task, changed: true }
    }
    throw new StoreUnavailable('too many changes of one task at once')
  }

  waiting(count: number): Promise<readonly string[]> {
    return this.redis.run((client) => client.zRange(keys.waiting, 0, count - 1))
  }

  async position(id: string): Promise<number> {
    const rank = await this.redis.run((client) => client.zRank(keys.waiting, id))
    return rank === null ? 0 : rank + 1
  }

  waitingSince(before: number): Promise<readonly string[]> {
    return this.redis.run((client) => client.zRangeByScore(keys.since, '-inf', `(${String(before)}`))
  }

  leasesEnded(by: number): Promise<readonly string[]> {
    return this.redis.run((client) => client.zRangeByScore(keys.leases, '-inf', by))
  }

  async counts(createdAfter: number): Promise<TaskCounts> {
    const [waiting, lacking, lackingSince, assigned] = await this.redis.run((client) =>
      Promise.all([
        client.zCard(keys.waiting),
        client.zCard(keys.lacking),
        client.zCount(keys.lacking, `(${String(createdAfter)}`, '+inf'),
        client.zCard(keys.leases),
      ]),
    )
    return { waiting, lacking, lackingSince, assigned }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Its record was taken away by hand: nothing must trip over it. */
  private async forget(id: string): Promise<void> {
    await this.redis.run((client) => Promise.all(Object.values(keys).map((key) => client.zRem(key, id))))
  }

  private parse(text: string): ApiTask | undefined {
    try {
      return recordSchema.parse(JSON.parse(text)).task
    } catch {
      this.log.warn('record_unreadable')
      return undefined
    }
  }
}

type Slot = 'new' | 'waiting' | 'assigned' | 'ended'

function slotOf({ state }: ApiTask): Slot {
  return state.kind === 'queued' ? 'waiting' : state.kind === 'assigned' ? 'assigned' : 'ended'
}

function indexArgs(task: ApiTask, was: Slot): string[] {
  const { state } = task
  const lacking = state.kind === 'queued' && state.waitingFor === 'inputs' ? '1' : '0'
  const leaseUntil = state.kind === 'assigned' ? state.leaseUntil : 0
  return [task.id, task.owner, was, slotOf(task), lacking, String(task.createdAt), String(leaseUntil), JSON.stringify(jobOf(task))]
}

function textOf(task: ApiTask): string {
  const record: z.input<typeof recordSchema> = {
    task_id: task.id,
    status: statusOf(task),
    request_id: task.requestId ?? task.id,
    created_at: Math.floor(task.createdAt / 1000),
    progress: task.percent,
    task,
  }
  return JSON.stringify(record)
}

function clientKey(task: ApiTask): string {
  return task.clientTaskId === undefined ? '' : `${clientPrefix}${task.owner}:${task.clientTaskId}`
}
