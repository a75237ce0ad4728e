// `npm run bench:load`: many clients on the whole system, each part a program of its own: two API processes on one Redis,
// eight GPU workers that render tiny files, 500 clients, 2,000 tasks. The workers come when a quarter is submitted, as a
// machine does that was off. Prints what became of it all; ends with 1 when a task was lost or run twice.
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { buildIfStale } from '../scripts/build.mjs'
import { ensureSystemPackages } from '../scripts/system-packages.mjs'
import { makeInputs } from './load-inputs.mjs'
import { ask, keepAsking, sendFile } from './load-http.mjs'
import { startPrograms } from './load-programs.mjs'
import { Monitor } from './load-monitor.mjs'

const number = (name, fallback) => Number(process.env[name] ?? fallback)
const clientCount = number('CLIENTS', 500)
const tasksPerClient = number('TASKS_PER_CLIENT', 4)
const workerCount = number('WORKERS', 8)
const voiceCount = number('VOICES', 16)
const limitMs = number('LIMIT_SECONDS', 300) * 1000
/** The orders come over this time; 0 is all at once. */
const spreadMs = number('SPREAD_SECONDS', 10) * 1000
/** Between two looks of a client at the task it waits for. */
const lookMs = 3000

ensureSystemPackages(['ffmpeg', 'redis'])
await buildIfStale()
const dir = await mkdtemp(join(tmpdir(), 'load-'))
const keys = Array.from({ length: clientCount }, (_, index) => `LOAD-${String(index)}`)
const programs = await startPrograms(dir, keys)
try {
  process.exitCode = (await run()) ? 0 : 1
} finally {
  await programs.stop()
  await rm(dir, { recursive: true, force: true, maxRetries: 5 })
}

async function run() {
  const startedAt = Date.now()
  const apis = [await programs.startApi(), await programs.startApi()]
  // At the other process than half of the orders: its notices come through Redis.
  const monitor = await Monitor.connect(apis[1], programs.monitorSecret)
  const inputs = makeInputs(dir, voiceCount)
  for (const file of [inputs.presenter, ...inputs.voices]) await sendFile(apis[0], keys[0], file)

  const figures = { orders: [], submitMs: [], noticeMs: [], forked: 0, refused: 0 }
  const total = clientCount * tasksPerClient
  let workers
  const order = async (client, index) => {
    const key = keys[client]
    const voice = inputs.voices[(client + index) % voiceCount]
    const body = { audio_hash: voice.md5, audio_ext: '.wav', video_hash: inputs.presenter.md5, client_task_id: `${key}-${String(index)}` }
    const api = apis[(client + index) % 2]
    const sentAt = performance.now()
    // Now and then a reply gets lost, and the client asks the other process again at the same time.
    const replies = await Promise.all([submit(api, key, body), ...(index === 0 ? [submit(apis.find((other) => other !== api), key, body)] : [])])
    figures.submitMs.push(performance.now() - sentAt)
    const ids = new Set(replies.map((reply) => reply.json.data?.task_id).filter(Boolean))
    if (ids.size > 1) figures.forked += 1
    if (ids.size === 0) figures.refused += 1
    for (const id of ids) figures.orders.push({ id, key, owner: ownerOf(key), sentAt, repliedAt: performance.now(), viaOther: api !== apis[1] && replies.length === 1 })
    if (figures.orders.length >= total / 4) workers ??= programs.startWorkers(workerCount, apis)
    return [...ids]
  }
  const ended = new Map()
  await Promise.all(
    keys.map(async (key, client) => {
      await pause((Math.random() * spreadMs) / tasksPerClient)
      await ask(apis[client % 2], 'POST', '/api/heygem/check_files', key, { files: [{ hash: inputs.presenter.md5, ext: '.mp4' }] })
      const mine = []
      for (let index = 0; index < tasksPerClient; index++) {
        mine.push(...(await order(client, index)))
        await pause((spreadMs / tasksPerClient) * (0.5 + Math.random() / 2))
      }
      for (const id of mine) ended.set(id, await untilEnded(apis[client % 2], key, id, startedAt + limitMs))
    }),
  )
  await workers
  await programs.stop()
  return report({ ...figures, ended, runs: await programs.runs(), notices: monitor.notices, total, seconds: (Date.now() - startedAt) / 1000 })
}

function submit(api, key, body) {
  return keepAsking(() => ask(api, 'POST', '/api/heygem/task/submit', key, body, { 'Idempotency-Key': body.client_task_id }))
}

async function untilEnded(api, key, id, until) {
  let status = 'never answered'
  while (Date.now() < until) {
    const reply = await keepAsking(() => ask(api, 'GET', `/api/heygem/task/status?task_id=${id}`, key))
    status = reply.json.data?.status ?? status
    if (['done', 'error', 'cancelled'].includes(status)) return status
    await pause(lookMs * (0.5 + Math.random()))
  }
  return status
}

function report({ orders, submitMs, forked, refused, ended, runs, notices, total, seconds }) {
  const done = orders.filter(({ id }) => ended.get(id) === 'done' && (runs.get(id) ?? 0) > 0).length
  const lost = total - done
  const twice = orders.filter(({ id }) => (runs.get(id) ?? 0) > 1).length
  const noticeMs = noticeDelays(orders, notices)
  const rows = [
    ['submitted', `${String(orders.length)} of ${String(total)}`],
    ['done', String(done)],
    ['lost', String(lost)],
    ['run twice', String(twice)],
    ['two tasks for one order', String(forked)],
    ['refused', String(refused)],
    ['submit p50 / p99', `${ms(quantile(submitMs, 0.5))} / ${ms(quantile(submitMs, 0.99))}`],
    ['notice delay p50 / p99', `${ms(quantile(noticeMs, 0.5))} / ${ms(quantile(noticeMs, 0.99))} (${String(noticeMs.length)} notices, to a monitor at the other process)`],
    ['all in', `${seconds.toFixed(1)} s (${(total / seconds).toFixed(0)} tasks a second)`],
  ]
  for (const [name, value] of rows) console.log(`${name.padEnd(26)}${value}`)
  const others = [...ended.values()].filter((status) => status !== 'done')
  for (const status of new Set(others)) console.log(`${String(others.filter((other) => other === status).length)} ended as: ${status}`)
  return lost === 0 && twice === 0 && forked === 0
}

/** From the reply to the order until the monitor has heard of it; one that was quicker than the reply took no time. */
function noticeDelays(orders, notices) {
  const delays = []
  for (const [owner, times] of notices) {
    const asked = orders.filter((order) => order.owner === owner)
    for (const at of times) {
      const cause = asked.findLast((order) => order.sentAt <= at)
      if (cause?.viaOther) delays.push(Math.max(0, at - cause.repliedAt))
    }
  }
  return delays
}

/** How the system names the owner of a license key to others. */
function ownerOf(key) {
  return createHash('sha256').update(key).digest('hex').slice(0, 32)
}

function quantile(values, share) {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

function ms(value) {
  return `${value.toFixed(1)} ms`
}
