// The GPU server over HTTP (contract.md §1): the only place that knows its statuses and codes.
import { DeskError } from '../../src-shared/errors'
import {
  checkFilesReplySchema,
  envelopeSchema,
  gpuPaths,
  healthReplySchema,
  progressReplySchema,
  uploadReplySchema,
  type Envelope,
  type GpuProgress,
} from '../../src-shared/gpu-contract'
import type { z } from 'zod'
import type { FileStore } from './file-store'
import { fetchToFile, type FetchedFile } from './fetch-to-file'
import { hostOf, parseReply, requestJson, saidBy, statusError, type JsonReply } from './json-request'
import { postFile } from './post-file'
import type { Servers } from './servers'

const server = 'gpu'

export interface GpuHealth {
  readonly initialized: boolean
  /** What the server says of itself when it is not ready; '' when nothing. */
  readonly said: string
  /** Our backend's engines need ffmpeg and say so when it is not there. */
  readonly ffmpegMissing: boolean
}

export interface GpuClient extends FileStore {
  /** Whether the service answers and its engine is loaded. No authentication. */
  health: (signal: AbortSignal) => Promise<GpuHealth>
  /** Null when the server does not know the task. */
  progress: (taskId: string, signal: AbortSignal) => Promise<GpuProgress | null>
  /** The result into a new file at `path`. */
  download: (taskId: string, path: string, report: (doneBytes: number, totalBytes: number | null) => void, signal: AbortSignal) => Promise<FetchedFile>
}

export function createGpuClient(servers: Servers): GpuClient {
  const baseUrl = servers.gpuUrl
  const host = hostOf(baseUrl)
  const headers: Record<string, string> = servers.gpuSecret === '' ? {} : { Authorization: `Bearer ${servers.gpuSecret}` }
  const secrets = [servers.gpuSecret, servers.licenseKey, servers.apiSecret]

  /** The envelope of a success; errors by code, which equals the HTTP status (§1.0). */
  const envelopeOf = ({ status, json }: JsonReply): Envelope => {
    const parsed = envelopeSchema.safeParse(json)
    if (!parsed.success) throw statusError(server, host, status) ?? new DeskError('server_bad_reply', { server, host })
    const envelope = parsed.data
    if (envelope.code === 0) return envelope
    const said = saidBy(envelope.msg ?? envelope.message, secrets)
    const failure = statusError(server, host, envelope.code) ?? statusError(server, host, status)
    if (failure?.code === 'server_failed' && said !== '') throw new DeskError('server_failed', { server, host, said })
    throw failure ?? new DeskError('server_refused', { server, host, said, status: envelope.code })
  }
  const parseAs = <S extends z.ZodType>(schema: S, value: unknown): z.output<S> => {
    const parsed = schema.safeParse(value)
    if (!parsed.success) throw new DeskError('server_bad_reply', { server, host }, parsed.error)
    return parsed.data
  }
  const ask = (method: 'GET' | 'POST', path: string, timeoutMs: number, signal: AbortSignal, rest: { query?: Record<string, string>; body?: unknown } = {}): Promise<JsonReply> =>
    requestJson({ server, method, baseUrl, path, headers, timeoutMs, signal, ...rest })

  return {
    async health(signal) {
      const reply = await requestJson({ server, method: 'GET', baseUrl, path: gpuPaths.health, headers: {}, timeoutMs: 10_000, signal })
      envelopeOf(reply)
      const health = parseAs(healthReplySchema, reply.json)
      const said = !health.initialized && health.msg !== undefined && health.msg !== 'ok' ? saidBy(health.msg, secrets) : ''
      return { initialized: health.initialized, said, ffmpegMissing: !health.initialized && said.startsWith('ffmpeg missing') }
    },

    async checkFiles(files, signal) {
      const reply = await ask('POST', gpuPaths.checkFiles, 15_000, signal, { body: { files } })
      return parseAs(checkFilesReplySchema, envelopeOf(reply).data)
    },

    async uploadFile({ path, name, sizeBytes, md5, ext }, report, signal) {
      const reply = await postFile({
        server,
        url: baseUrl + gpuPaths.uploadFile,
        headers,
        fields: { hash: md5, ext },
        file: { path, name, sizeBytes },
        report,
        signal,
      })
      const json = parseReply(server, host, reply.status, reply.text)
      return parseAs(uploadReplySchema, envelopeOf({ status: reply.status, json }).data).hash
    },

    async progress(taskId, signal) {
      const reply = await ask('GET', gpuPaths.progress, 15_000, signal, { query: { task_id: taskId } })
      const envelope = envelopeSchema.safeParse(reply.json)
      if (envelope.success && envelope.data.code === 404) return null
      return parseAs(progressReplySchema, envelopeOf(reply).data)
    },

    async download(taskId, path, report, signal) {
      const url = `${baseUrl}${gpuPaths.download}?${new URLSearchParams({ task_id: taskId }).toString()}`
      return fetchToFile({
        server,
        url,
        headers,
        path,
        report,
        signal,
        // §1.1: 400 not done yet, 404 unknown or gone; 401 and the rest as everywhere.
        refusal: (status, text) => {
          if (status === 400) return new DeskError('result_not_ready', { server, host })
          if (status === 404) return new DeskError('result_gone', { server, host })
          try {
            envelopeOf({ status, json: parseReply(server, host, status, text) })
          } catch (thrown) {
            if (thrown instanceof DeskError) return thrown
          }
          return new DeskError('server_bad_reply', { server, host })
        },
      })
    },
  }
}
