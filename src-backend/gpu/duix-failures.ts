// What the face2face engine says when it fails, and what is to be done about it.
import type { TaskErrorCode } from '../../src-shared/gpu-contract'

/** What may help, once each for a task. */
export type DuixRemedy =
  /** Make the inputs anew, re-encoded whatever they are. */
  | 'normalise'
  /** Start the engine again. */
  | 'restart'
  /** Simply once more. */
  | 'repeat'

export interface DuixFailure {
  readonly code: TaskErrorCode
  readonly remedy: DuixRemedy | undefined
  /** For the person: the engine's own words, with what they mean. */
  readonly message: string
  /** The engine could not read what it was given: perhaps it was told in a way that it does not understand. */
  readonly inputUnread: boolean
}

interface Row {
  readonly said: RegExp
  readonly code: TaskErrorCode
  readonly remedy: DuixRemedy | undefined
  readonly meaning: string
  readonly inputUnread?: boolean
}

const rows: readonly Row[] = [
  {
    said: /三次获取音频时长失败|KeyError.*streams|format audio error/i,
    ...{ code: 'audio_unreadable', remedy: 'normalise', meaning: 'the engine cannot read the audio', inputUnread: true },
  },
  {
    said: /format video error/i,
    ...{ code: 'video_unreadable', remedy: 'normalise', meaning: 'the engine cannot read the video', inputUnread: true },
  },
  { said: /存在多人脸/, code: 'multiple_faces', remedy: undefined, meaning: 'there is more than one face in the video' },
  {
    said: /任务视频驱动队列满|下游队列异常|no final result/i,
    ...{ code: 'engine_stalled', remedy: 'restart', meaning: 'the engine is stuck' },
  },
  { said: /file create failed/i, code: 'engine_disk', remedy: undefined, meaning: 'the engine cannot write its files' },
  { said: /no such file|not found|不存在/i, code: 'engine_failed', remedy: 'normalise', meaning: 'the engine does not find the files', inputUnread: true },
]

/** The reason of a job that ended with status 3. */
export function failureSaid(said: string): DuixFailure {
  const row = rows.find((each) => each.said.test(said))
  if (!row) return { code: 'engine_failed', remedy: undefined, message: said || 'the engine failed without a reason', inputUnread: false }
  return { code: row.code, remedy: row.remedy, message: `${row.meaning}: ${said}`, inputUnread: row.inputUnread ?? false }
}

export const stuck = (message: string): DuixFailure => ({ code: 'engine_stalled', remedy: 'restart', message, inputUnread: false })

export const forgotten: DuixFailure = {
  code: 'engine_failed',
  remedy: 'repeat',
  message: 'the engine forgot the task and left no result',
  inputUnread: false,
}
