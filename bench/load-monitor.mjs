// A power monitor that only listens: when it heard of which owner's tasks.
import { performance } from 'node:perf_hooks'
import { WebSocket } from 'ws'

export class Monitor {
  /** Owner to times, as performance.now() has them. */
  notices = new Map()

  static async connect(api, secret) {
    const monitor = new Monitor()
    const ws = new WebSocket(`${api.replace('http', 'ws')}/dsp`)
    await new Promise((resolve, reject) => {
      ws.once('error', reject)
      ws.once('open', () => ws.send(JSON.stringify({ type: 'register', role: 'gpu_monitor', secret })))
      ws.on('message', (data) => {
        const message = JSON.parse(data.toString())
        if (message.type === 'registered') resolve()
        else if (message.type === 'error') reject(new Error(message.msg))
        else if (message.type === 'gpu.job.submit') monitor.hear(message.key)
      })
    })
    // The end of the run ends it as well.
    ws.on('error', () => undefined)
    return monitor
  }

  hear(owner) {
    const times = this.notices.get(owner) ?? []
    this.notices.set(owner, [...times, performance.now()])
  }
}
