// The line to Redis: one connection for commands, one that listens. It comes back by itself; while it is away every
// command fails at once, so that whoever asks is told.
import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { reasonOf, type Log } from '../log'
import { StoreUnavailable } from './store'

type Client = ReturnType<typeof connect>

const openWaitMs = 3000
const commandLimitMs = 5000
const longestReconnectMs = 500

export class Redis {
  private constructor(
    private readonly commands: Client,
    private readonly listening: Client,
  ) {}

  /** Resolves also where there is no Redis yet: it is connected to when it comes. */
  static async open(url: string, log: Log): Promise<Redis> {
    const commands = connect(url)
    const listening = connect(url)
    let away = false
    commands.on('error', (error: unknown) => {
      if (!away) log.error('redis_away', { reason: reasonOf(error) })
      away = true
    })
    commands.on('ready', () => {
      if (away) log.info('redis_back')
      away = false
    })
    // Said by the other one.
    listening.on('error', () => undefined)
    const connected = Promise.all([commands.connect(), listening.connect()])
    connected.catch(() => undefined)
    await Promise.race([connected.catch(() => undefined), wait(openWaitMs, undefined, { ref: false })])
    return new Redis(commands, listening)
  }

  /** Every failure is a StoreUnavailable: what was asked for was done, or not, and may be asked for again. */
  async run<T>(command: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await command(this.commands)
    } catch (error) {
      throw new StoreUnavailable(reasonOf(error), { cause: error })
    }
  }

  /** A script is atomic; it is sent once, and then named by its digest. */
  async script(script: Script, keys: string[], args: string[]): Promise<unknown> {
    return this.run(async (client) => {
      try {
        return await client.evalSha(script.sha, { keys, arguments: args })
      } catch (error) {
        if (!reasonOf(error).startsWith('NOSCRIPT')) throw error
        return client.eval(script.text, { keys, arguments: args })
      }
    })
  }

  /** Also after every reconnect, until the end. */
  listen(channel: string, listener: (message: string) => void): void {
    const subscribe = (): void => {
      this.listening.subscribe(channel, listener).catch(() => undefined)
    }
    if (this.listening.isReady) subscribe()
    else this.listening.once('ready', subscribe)
  }

  close(): void {
    for (const client of [this.commands, this.listening]) if (client.isOpen) client.destroy()
  }
}

export interface Script {
  readonly text: string
  readonly sha: string
}

export function defineScript(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

function connect(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    commandOptions: { timeout: commandLimitMs },
    socket: { connectTimeout: openWaitMs, reconnectStrategy: (tries) => Math.min(20 * 2 ** tries, longestReconnectMs) },
  })
}
