import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../log'
import { startTestRedis, type TestRedis } from '../test-redis'
import { Redis } from './redis'
import { RedisTaskStore } from './store-redis'
import { describeTaskStore, storedTask } from './store-suite'

let redis: TestRedis
beforeAll(async () => {
  redis = await startTestRedis()
})
afterAll(() => redis.remove())
beforeEach(() => redis.client.flushAll())
const log = createLog(() => undefined)

describeTaskStore('RedisTaskStore', async () => {
  const lines: Redis[] = []
  return {
    async open() {
      const line = await Redis.open(redis.url, log)
      lines.push(line)
      return new RedisTaskStore(line, log)
    },
    async remove() {
      for (const line of lines) line.close()
    },
  }
})

describe('what operators see in Redis', () => {
  const withStore = async (use: (store: RedisTaskStore) => Promise<void>): Promise<void> => {
    const line = await Redis.open(redis.url, log)
    try {
      await use(new RedisTaskStore(line, log))
    } finally {
      line.close()
    }
  }
  const list = () => redis.client.lRange('dsp:pending_tasks:THE-KEY', 0, -1)

  it('is what waits, by license key, in the deployed shape, and nothing when nothing waits', () =>
    withStore(async (store) => {
      await store.create({ task: storedTask('1', { clientTaskId: 'job' }), licenseKey: 'THE-KEY', waitingLimit: 5 })
      expect((await list()).map((text) => JSON.parse(text) as unknown)).toEqual([
        {
          ...{ type: 'gpu.job.submit', task_type: 'heygem_submit', request_id: '1', key: 'o', sender_fd: 0 },
          payload: { task_id: '1', audio_hash: 'a', audio_ext: '.wav', video_hash: 'v', video_ext: '.mp4', client_task_id: 'job' },
        },
      ])
      const give = () =>
        store.update('1', (task) => ({ ...task, state: { kind: 'assigned', worker: 'w', lease: 'l', leaseUntil: 9, phase: 'processing', position: 0 } }))
      await give()
      expect(await list()).toEqual([])
      await store.update('1', (task) => ({ ...task, state: { kind: 'queued', waitingFor: 'worker' } }))
      expect(await list()).toHaveLength(1)
      await give()
      await store.update('1', (task) => ({ ...task, state: { kind: 'done', finishedAt: 1 } }))
      // No index keeps what has ended; what is left is the record, its client id and the names of the lists.
      expect((await redis.client.keys('*')).sort()).toEqual(['heygem:queue:licenses', 'heygem:task:client:o:job', 'heygem:task:status:1'])
    }))

  it('is the status of a task, kept for more than a day after its end', () =>
    withStore(async (store) => {
      await store.create({ task: storedTask('1'), licenseKey: 'THE-KEY', waitingLimit: 5 })
      const record = async () => JSON.parse((await redis.client.get('heygem:task:status:1')) ?? '') as unknown
      expect(await record()).toMatchObject({ task_id: '1', status: 'queued', request_id: '1', created_at: 1 })
      expect(await redis.client.ttl('heygem:task:status:1')).toBe(-1)
      await store.update('1', (task) => ({ ...task, percent: 100, state: { kind: 'done', finishedAt: 1 } }))
      expect(await record()).toMatchObject({ status: 'done', progress: 100 })
      expect(await redis.client.ttl('heygem:task:status:1')).toBeGreaterThanOrEqual(86_400)
      expect(JSON.stringify(await record())).not.toContain('THE-KEY')
    }))

  it('may be taken away by hand: nothing trips over it', () =>
    withStore(async (store) => {
      await store.create({ task: storedTask('1'), licenseKey: 'THE-KEY', waitingLimit: 5 })
      await redis.client.del('heygem:task:status:1')
      expect(await store.waiting(5)).toEqual(['1'])
      expect(await store.update('1', (task) => task)).toBeUndefined()
      expect(await store.waiting(5)).toEqual([])
    }))
})
