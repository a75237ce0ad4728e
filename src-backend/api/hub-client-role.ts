// A client on the hub: hears of its own license's tasks and of the GPU machine's power, may ask for the machine to be
// powered on, and may order a task as it may over HTTP.
import { randomUUID } from 'node:crypto'
import type { ApiReason } from '../../src-shared/api-contract'
import { heygemTaskType, type HubMessage, type RegisterClient } from '../../src-shared/hub-contract'
import { normaliseExt, normaliseHash } from '../input-names'
import type { HubParts, PeerLine } from './hub-peer'
import { StoreUnavailable } from './store'
import { OrderConflict, QueueFull } from './queue-parts'
import { submitWords } from './task-words'

type Order = Extract<HubMessage, { type: 'gpu.job.submit' | 'gpu_task' }>

export function becomeClient(line: PeerLine, parts: HubParts, message: RegisterClient): void {
  const key = message.key.trim()
  const license = parts.licenses.checkKey(key)
  if (!license.ok) {
    line.refuse(license.message, { reason: license.reason })
    return
  }
  if (message.device_type !== 'pc' && message.device_type !== 'mobile') {
    line.refuse('device_type must be pc or mobile', { reason: 'bad_request' satisfies ApiReason })
    return
  }
  line.become({
    name: 'client',
    owner: license.owner,
    async take(said) {
      if (said.type === 'gpu.status.query') await parts.power.query(line, said.request_id)
      else if (said.type === 'gpu.power.boot') await parts.power.boot(line, said.request_id, said.msg)
      else if (said.type === 'gpu.job.submit' || said.type === 'gpu_task') await takeOrder(line, parts, key, said)
      else return false
      return true
    },
    leave: () => Promise.resolve(),
  })
  line.send({ type: 'registered', key, device_type: message.device_type })
}

/** The same queue, limits and answers as over HTTP (quirks 11, 55). */
async function takeOrder(line: PeerLine, { queue, licenses, power }: HubParts, licenseKey: string, order: Order): Promise<void> {
  const { task_type, payload } = order
  const about = { task_type, ...(order.request_id !== '' && { request_id: order.request_id }) }
  const refuse = (reason: ApiReason, message: string): void => {
    line.refuse(message, { ...about, reason })
  }
  const license = licenses.checkKey(licenseKey)
  if (!license.ok) {
    refuse(license.reason, license.message)
    return
  }
  if (task_type !== heygemTaskType) {
    refuse('bad_request', `no tasks of this type here: ${task_type}`)
    return
  }
  const audioHash = normaliseHash(payload?.audio_hash ?? '')
  const videoHash = normaliseHash(payload?.video_hash ?? '')
  const audioExt = normaliseExt(payload?.audio_ext ?? '')
  const videoExt = normaliseExt(payload?.video_ext ?? '')
  if (audioHash === undefined || videoHash === undefined || audioExt === undefined || videoExt === undefined) {
    refuse('bad_request', 'the payload needs audio_hash and video_hash (MD5), and extensions of media files')
    return
  }
  const requestId = order.request_id || undefined
  const clientTaskId = (payload?.client_task_id ?? requestId)?.slice(0, 64)
  try {
    const inputs = { audioHash, audioExt, videoHash, videoExt }
    const task = await queue.submit({ owner: license.owner, licenseKey, clientTaskId, ...(requestId !== undefined && { requestId }), inputs })
    const said = { task_type, request_id: requestId ?? task.id }
    const { workers } = await power.presence()
    if (task.state.kind === 'queued' && workers === 0) {
      const frame = { version: '1.0', source: 'api', target: 'client', ts: Math.floor(Date.now() / 1000), trace_id: randomUUID() }
      const data = { status: 'offline', task_type, task_id: task.id }
      line.send({ type: 'gpu.power.offline', ...frame, ...said, msg: 'queued until a GPU worker is free', data })
    } else line.send({ type: 'ack', ...said, task_id: task.id, msg: submitWords(task).msg })
  } catch (error) {
    if (error instanceof OrderConflict) refuse('bad_request', error.message)
    else if (error instanceof QueueFull) refuse('queue_full', error.message)
    else if (error instanceof StoreUnavailable) refuse('store_unavailable', 'the task store does not answer; try again')
    else throw error
  }
}
