// A stand-in for the face2face service that behaves as its document says, faults included: one job at a time, JSON that
// calls itself HTML, an end that is told once, stalls, pages instead of answers.
import { copyFile, mkdir, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { PathStyle } from './duix-folder'

/** How one job goes. `steps` are the percentages told, one for each query. */
export interface DuixPlan {
  readonly steps?: readonly number[]
  readonly end?:
    | { readonly kind: 'done'; readonly result?: string }
    | { readonly kind: 'failed'; readonly msg: string }
    /** The record is gone before anyone asked; with or without a result. */
    | { readonly kind: 'vanished'; readonly file: boolean }
    /** The last step for ever; with a result it is the image that never says `done`. */
    | { readonly kind: 'silent'; readonly file: boolean }
}

interface Job {
  readonly code: string
  readonly plan: DuixPlan
  told: number
}

export interface DuixOrderSeen {
  readonly code: string
  readonly audio_url: string
  readonly video_url: string
  readonly pn: number
}

export class DuixStandIn {
  /** Ways of naming a file that it understands. */
  styles: readonly PathStyle[] = ['bare']
  /** For the jobs to come, in order; then all go well. Fixtures have none. */
  plans: DuixPlan[] = []
  /** Answered to the next submits instead, in order: a code, 'html' for a page with 500, 'late' for an answer too late. */
  submitAnswers: (number | 'html' | 'late' | 'lost')[] = []
  /** The same for queries. */
  queryAnswers: ('html' | 'late')[] = []
  readonly orders: DuixOrderSeen[] = []
  fixtures = 0
  private job: Job | undefined
  private readonly server = createServer((request, response) => {
    this.answer(request, response).catch(() => {
      response.writeHead(500, { 'Content-Type': 'text/html' }).end('<h1>Internal Server Error</h1>')
    })
  })

  constructor(
    private readonly dataDir: string,
    /** What it "renders". */
    private readonly result: string,
  ) {}

  async listen(port = 0): Promise<string> {
    await mkdir(join(this.dataDir, 'temp'), { recursive: true })
    await new Promise<void>((resolve) => {
      this.server.listen(port, '127.0.0.1', resolve)
    })
    return `http://127.0.0.1:${String((this.server.address() as AddressInfo).port)}`
  }

  /** As after a restart: every job is forgotten. */
  restart(): void {
    this.job = undefined
  }

  get busy(): boolean {
    return this.job !== undefined
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://x')
    if (url.pathname === '/easy/submit') {
      let text = ''
      for await (const chunk of request) text += (chunk as Buffer).toString()
      const order = JSON.parse(text) as DuixOrderSeen
      const special = this.submitAnswers.shift()
      if (special === 'html') throw new Error('a page')
      if (special === 'late') return
      if (typeof special === 'number') {
        this.say(response, special, special === 10001, special === 10001 ? '忙碌中' : 'a reason')
        return
      }
      const taken = await this.submit(order)
      if (special === 'lost') request.socket.destroy()
      else if (taken) this.say(response, 10000, true, 'success', {})
      else this.say(response, 10001, true, 0)
      return
    }
    const special = this.queryAnswers.shift()
    if (special === 'html') throw new Error('a page')
    if (special === 'late') return
    await this.query(url.searchParams.get('code') ?? '', response)
  }

  private async submit(order: DuixOrderSeen): Promise<boolean> {
    if (this.job) return false
    const isFixture = order.code.startsWith('fixture-')
    const plan = isFixture ? {} : (this.plans.shift() ?? {})
    if (isFixture) this.fixtures += 1
    else this.orders.push(order)
    const found = (await this.finds(order.audio_url)) && (await this.finds(order.video_url))
    const unread: DuixPlan = { end: { kind: 'failed', msg: '三次获取音频时长失败' } }
    this.job = { code: order.code, plan: found ? plan : unread, told: 0 }
    return true
  }

  private async finds(name: string): Promise<boolean> {
    const style = name.startsWith('http') ? 'address' : name.startsWith('/') ? 'absolute' : 'bare'
    if (!this.styles.includes(style)) return false
    if (style === 'address') return (await fetch(name)).ok
    const path = join(this.dataDir, style === 'bare' ? join('temp', name) : name.replace(/^\/code\/data\//, ''))
    return stat(path).then(
      () => true,
      () => false,
    )
  }

  private async query(code: string, response: ServerResponse): Promise<void> {
    const { job } = this
    if (job?.code !== code) {
      this.say(response, 10004, true, '任务不存在')
      return
    }
    const steps = job.plan.steps ?? [20, 80]
    const end = job.plan.end ?? { kind: 'done' }
    const step = steps[job.told]
    const data = { code, status: 1, progress: step ?? steps.at(-1) ?? 0, result: '', msg: '' }
    job.told += 1
    if (step !== undefined) {
      this.say(response, 10000, true, 'ok', data)
      return
    }
    if (end.kind === 'done' || ('file' in end && end.file)) await copyFile(this.result, join(this.dataDir, 'temp', `${code}-r.mp4`))
    // The record is gone with the answer that tells the end.
    if (end.kind !== 'silent') this.job = undefined
    if (end.kind === 'vanished') this.say(response, 10004, true, '任务不存在')
    else if (end.kind === 'silent') this.say(response, 10000, true, 'ok', data)
    else if (end.kind === 'failed') this.say(response, 10000, true, 'ok', { ...data, status: 3, msg: end.msg })
    else this.say(response, 10000, true, 'ok', { ...data, status: 2, progress: 100, result: end.result ?? `/${code}-r.mp4` })
  }

  private say(response: ServerResponse, code: number, success: boolean, msg: string | number, data: unknown = null): void {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(JSON.stringify({ code, success, msg, data }))
  }
}
