// The HTTP side of two stand-ins: a server that powers a machine it has in mind, as well or as badly as a test wants.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Action, Behaviour } from './provider.suite'

export interface AskedAction {
  readonly action: Action
  /** Undefined when the caller may ask; else what it is told. */
  readonly refusal?: string
}

export interface MachineServer {
  readonly url: string
  machine: 'stopped' | 'running'
  readonly bodies: string[]
  readonly behave: (action: Action, how: Behaviour) => Promise<void>
  readonly close: () => Promise<void>
}

export interface MachineDialect {
  /** What a request asks for, once it has proved that it may. */
  read(request: IncomingMessage, body: string): AskedAction
  answer(response: ServerResponse, action: Action, machine: string): void
  refuse(response: ServerResponse, action: Action, words: string): void
}

export async function openMachineServer(dialect: MachineDialect, refusalWords: string): Promise<MachineServer> {
  const behaviour: Partial<Record<Action, Behaviour>> = {}
  const bodies: string[] = []
  const server = createServer((request, response) => {
    void (async () => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      bodies.push(body)
      const asked = dialect.read(request, body)
      const how = asked.refusal === undefined ? (behaviour[asked.action] ?? 'well') : 'fail'
      if (how === 'hang') return
      if (how === 'garble') response.end('<html>a page</html>')
      else if (how === 'fail') dialect.refuse(response, asked.action, asked.refusal ?? refusalWords)
      else {
        if (how === 'well' && asked.action !== 'state') opened.machine = asked.action === 'start' ? 'running' : 'stopped'
        dialect.answer(response, asked.action, opened.machine)
      }
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const opened: MachineServer = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    machine: 'stopped',
    bodies,
    behave: (action, how) => {
      behaviour[action] = how
      return Promise.resolve()
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
  return opened
}
