// What a connection of the hub can be: a visitor, then a worker, a power monitor or a client; and what each may say. A
// role answers false for a message that is not its own to say.
import type { RegisterClient, RegisterMonitor, RegisterWorker } from '../../src-shared/hub-contract'
import { sameSecret } from '../secrets'
import { becomeClient } from './hub-client-role'
import type { HubParts, PeerLine, PeerRole } from './hub-peer'
import { becomeWorker } from './hub-worker-role'

export function visitor(line: PeerLine, parts: HubParts): PeerRole {
  return {
    name: 'visitor',
    async take(message) {
      if (message.type === 'register') await register(line, parts, message)
      // Harmless, and asked for before a registration by clients that exist.
      else if (message.type === 'gpu.status.query') await parts.power.query(line, message.request_id)
      else return false
      return true
    },
    leave: () => Promise.resolve(),
  }
}

async function register(line: PeerLine, parts: HubParts, message: RegisterWorker | RegisterMonitor | RegisterClient): Promise<void> {
  if (message.role === undefined) {
    becomeClient(line, parts, message)
    return
  }
  const expected = message.role === 'worker' ? parts.workerSecret : parts.monitorSecret
  if (expected === undefined || !sameSecret(message.secret, expected)) {
    const who = message.role === 'worker' ? 'worker' : 'monitor'
    parts.log.warn(`${who}_refused`)
    line.refuse(`the ${who} secret is missing or wrong`)
  } else if (message.role === 'worker') await becomeWorker(line, parts, message)
  else await becomeMonitor(line, parts)
}

async function becomeMonitor(line: PeerLine, parts: HubParts): Promise<void> {
  const { exchange, power, queue, log } = parts
  line.become({
    name: 'gpu_monitor',
    async take(message) {
      switch (message.type) {
        case 'gpu.power.state':
        case 'gpu.power.booted':
        case 'gpu.power.online':
        case 'gpu.power.boot.result':
        case 'gpu.status.response':
          await power.heardFromMonitor(message)
          return true
        case 'gpu.task.query': {
          const { waiting, running, recent } = await queue.demand()
          line.send({
            ...{ type: 'gpu.task.query.response', request_id: message.request_id, waiting, running },
            active_count: waiting + running,
            has_recent_active: recent,
          })
          return true
        }
        default:
          return false
      }
    },
    async leave() {
      log.warn('monitor_left', { monitor: line.id })
      await exchange.leave('monitors', line.id)
    },
  })
  await exchange.join('monitors', line.id)
  line.send({ type: 'registered', role: 'gpu_monitor' })
  log.info('monitor_joined', { monitor: line.id })
  // What was left for a monitor while none was there.
  for (const notice of await exchange.takeNotices()) line.send(notice)
}
