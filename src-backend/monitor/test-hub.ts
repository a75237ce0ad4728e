// The hub as a script, on a real socket: lets a monitor in, answers what it asks for demand, and keeps what it says.
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { hubPath, type HubMessageOut } from '../../src-shared/hub-contract'

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a wrong shape fails the test that looks at it
type Heard = Record<string, any>

export const monitorSecret = 'the secret of the monitor'

export class TestHub {
  /** What is answered to a question for demand; undefined: nothing at all. */
  demand: { active_count: number; has_recent_active?: boolean; waiting?: number; running?: number } | undefined = { active_count: 0, waiting: 0 }
  /** A line that looks open, over which nothing comes any more. */
  silent = false
  questions = 0
  readonly urls: string[] = []
  readonly heard: Heard[] = []
  private socket: WebSocket | undefined
  private takers: (() => void)[] = []

  private constructor(private server: WebSocketServer) {
    this.serve(server)
  }

  static async open(): Promise<TestHub> {
    return new TestHub(await listen(0))
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get url(): string {
    return `ws://127.0.0.1:${String(this.port)}${hubPath}`
  }

  send(message: HubMessageOut): void {
    if (!this.silent) this.socket?.send(JSON.stringify(message))
  }

  /** The next message like this that was not waited for yet; what came before it is passed over. */
  async until(type: string, like: Heard = {}): Promise<Heard> {
    for (;;) {
      while (this.heard.length > 0) {
        const message = this.heard.shift() as Heard
        if (message.type === type && Object.entries(like).every(([key, value]) => message[key] === value)) return message
      }
      await new Promise<void>((resolve) => this.takers.push(resolve))
    }
  }

  /** Everything said until a question is asked that was not under way yet. */
  async settled(): Promise<readonly Heard[]> {
    const enough = this.questions + 2
    while (this.questions < enough) await new Promise<void>((resolve) => this.takers.push(resolve))
    return this.heard
  }

  async down(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve))
    for (const socket of this.server.clients) socket.terminate()
    await closed
  }

  /** On the port it had. */
  async up(port: number): Promise<void> {
    this.server = await listen(port)
    this.serve(this.server)
  }

  private serve(server: WebSocketServer): void {
    server.on('connection', (socket, request) => {
      this.socket = socket
      this.urls.push(request.url ?? '')
      this.send({ type: 'connected', fd: 1 })
      socket.on('message', (data) => {
        this.take(JSON.parse((data as Buffer).toString()) as Heard)
        for (const taker of this.takers.splice(0)) taker()
      })
    })
  }

  private take(message: Heard): void {
    if (message.type === 'gpu.task.query') {
      this.questions += 1
      if (this.demand) this.send({ type: 'gpu.task.query.response', request_id: message.request_id as string, ...this.demand })
      return
    }
    if (message.type === 'ping') this.send({ type: 'pong' })
    if (message.type === 'register') {
      const right = message.role === 'gpu_monitor' && message.secret === monitorSecret
      this.send(right ? { type: 'registered', role: 'gpu_monitor' } : { type: 'error', msg: 'the monitor secret is missing or wrong' })
    }
    this.heard.push(message)
  }
}

function listen(port: number): Promise<WebSocketServer> {
  return new Promise((resolve) => {
    const server = new WebSocketServer({ host: '127.0.0.1', port, path: hubPath }, () => {
      resolve(server)
    })
  })
}
