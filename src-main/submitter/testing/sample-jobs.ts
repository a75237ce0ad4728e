// Jobs and inputs as a person's picking makes them, to be varied by tests.
import type { InputFile, Job } from '../../../src-shared/job'
import type { Servers } from '../servers'

export const sampleInput = (name: string, more: Partial<InputFile> = {}): InputFile => ({
  path: `/nowhere/${name}`,
  name,
  ext: name.slice(name.lastIndexOf('.')).toLowerCase(),
  sizeBytes: 1000,
  mtimeMs: 1_700_000_000_000,
  media: { container: 'MP4', durationSec: 2, video: null, audio: { codec: 'aac', sampleRateHz: 48_000, channels: 2 } },
  md5: null,
  ...more,
})

export const sampleJob = (more: Partial<Job> = {}): Job => ({
  id: 'job-1',
  name: 'presenter · voice',
  createdAtMs: 1_700_000_000_000,
  updatedAtMs: 1_700_000_000_000,
  video: sampleInput('presenter.mp4'),
  audio: sampleInput('voice.wav'),
  outputDir: '/nowhere',
  state: { kind: 'queued' },
  taskId: null,
  stageStartedAtMs: {},
  sentBytes: 0,
  submission: 1,
  attempt: 1,
  ...more,
})

export const sampleServers = (more: Partial<Servers> = {}): Servers => ({
  apiUrl: 'http://127.0.0.1:1',
  gpuUrl: 'http://127.0.0.1:1',
  licenseKey: 'LICENSE-1234',
  apiSecret: '',
  gpuSecret: 'gpu-secret-5678',
  machineCode: 'A'.repeat(32),
  ...more,
})

/** Tries at once, without the waits of the real backoff. */
export const noWaiting = (tries: number) => ({ tries, firstDelayMs: 0, maxDelayMs: 0 })
