// What the command line prints: JSON lines for programs, or a progress bar for people. At most five lines a second for
// progress; every change of state at once.
import { isFinal, type Job, type Progress } from '../../src-shared/job'
import type { DeskErrorData } from '../../src-shared/errors'
import type { CliWords } from '../../src-shared/words/cli'
import { describeError, type Language } from '../../src-shared/words/errors'
import { createFormat } from '../../src-shared/words/format'

export interface CliOutput {
  readonly jobChanged: (job: Job) => void
  readonly jobShown: (job: Job) => void
  /** An error that belongs to no job. */
  readonly failed: (error: DeskErrorData) => void
  readonly note: (text: string) => void
}

const progressEveryMs = 200

/** `{at, job, state, …}`: the state's own data beside it; a result is its path, an error has its words. */
export function jobLine(job: Job, language: Language, atMs: number): Record<string, unknown> {
  const { kind, ...data } = job.state
  const head = { at: new Date(atMs).toISOString(), job: job.id, state: kind }
  switch (job.state.kind) {
    case 'done': {
      const { path, sizeBytes, durationSec, engine } = job.state.result
      return { ...head, result: path, sizeBytes, durationSec, engine, sentBytes: job.sentBytes }
    }
    case 'failed':
      return { ...head, during: job.state.during, error: errorLine(job.state.error, language), sentBytes: job.sentBytes }
    default:
      return { ...head, ...data, ...(job.taskId === null ? {} : { task: job.taskId }) }
  }
}

export const errorLine = (error: DeskErrorData, language: Language): Record<string, unknown> => ({
  code: error.code,
  detail: error.detail,
  ...describeError(language, error),
})

export function createJsonOutput(language: Language, write: (line: string) => void): CliOutput {
  const due = createProgressGate()
  const print = (value: unknown): void => write(`${JSON.stringify(value)}\n`)
  return {
    jobChanged: (job) => {
      if (due(job)) print(jobLine(job, language, Date.now()))
    },
    jobShown: (job) => print({ ...jobLine(job, language, job.updatedAtMs), name: job.name, createdAt: new Date(job.createdAtMs).toISOString() }),
    failed: (error) => print({ at: new Date().toISOString(), error: errorLine(error, language) }),
    note: () => undefined,
  }
}

/** `terminal`: the bar redraws its line; else a line for each change of state. */
export function createTextOutput(language: Language, words: CliWords, terminal: { readonly columns: number } | null, write: (text: string) => void): CliOutput {
  const format = createFormat(language)
  const due = createProgressGate()
  let lastStage = ''
  let barShown = false
  const endBar = (): void => {
    if (barShown) write('\r\u001b[K')
    barShown = false
  }
  const line = (text: string): void => {
    endBar()
    write(`${text}\n`)
  }
  const errorText = (error: DeskErrorData): string => {
    const { title, meaning, todo } = describeError(language, error)
    return `✗ ${title}\n  ${meaning}\n  ${todo}`
  }
  const stageText = (job: Job): string => {
    const { state } = job
    if (state.kind === 'uploading') return `${words.states.uploading} ${job[state.file].name}`
    if (state.kind === 'waiting' && state.position !== null) return `${words.states.waiting} · ${words.position(state.position)}`
    return words.states[state.kind]
  }
  const barText = (label: string, progress: Progress, awaitingReply: boolean): string => {
    const width = 24
    const filled = Math.floor((progress.done / progress.total) * width)
    const parts = [
      `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${format.percent(progress.done, progress.total)}`,
      format.amount(progress),
      format.rate(progress),
      awaitingReply ? words.awaitingReply : format.timeLeft(progress),
    ]
    return `${label}  ${parts.filter((part) => part !== null).join('  ')}`
  }
  return {
    jobChanged: (job) => {
      const { state } = job
      if (!due(job)) return
      if (state.kind === 'done') {
        line(`✓ ${words.states.done}${state.result.engine === 'mux' ? ` ${words.standIn}` : ''}`)
        line(`  ${job.sentBytes === 0 ? words.sentNothing : words.sentBytes(format.bytes(job.sentBytes))}`)
        line(`  ${words.resultAt(state.result.path)}`)
        return
      }
      if (state.kind === 'failed') return line(`${errorText(state.error)}\n  ${words.retryHint(job.id)}`)
      if (state.kind === 'cancelled') return line(words.cancelled)
      const stage = stageText(job)
      if (terminal === null || !('progress' in state)) {
        if (stage !== lastStage) line(`· ${stage}`)
      } else {
        write(`\r\u001b[K${cutToWidth(barText(stage, state.progress, state.kind === 'uploading' && state.awaitingReply), terminal.columns - 1)}`)
        barShown = true
      }
      lastStage = stage
    },
    jobShown: (job) => {
      const { state } = job
      line(`${job.id}  ${format.moment(job.createdAtMs, Date.now())}  ${stageText(job)}  ${job.name}`)
      if (state.kind === 'done') line(`  ${words.resultAt(state.result.path)}`)
      if (state.kind === 'failed') line(`  ${errorText(state.error).replaceAll('\n', '\n  ')}`)
    },
    failed: (error) => line(errorText(error)),
    note: (text) => line(text),
  }
}

/** True for every change of state and every end, and for progress at most every 200 ms a job. */
function createProgressGate(): (job: Job) => boolean {
  const last = new Map<string, { stage: string; atMs: number }>()
  return (job) => {
    const { state } = job
    const stage = state.kind === 'uploading' ? `${state.kind} ${state.file} ${state.awaitingReply}` : state.kind
    const seen = last.get(job.id)
    const nowMs = Date.now()
    if (!isFinal(state) && seen?.stage === stage && (!('progress' in state) || nowMs - seen.atMs < progressEveryMs)) return state.kind === 'waiting'
    last.set(job.id, { stage, atMs: nowMs })
    return true
  }
}

/** At most `columns` cells; a Chinese sign takes two. */
function cutToWidth(text: string, columns: number): string {
  let cells = 0
  let kept = ''
  for (const sign of text) {
    cells += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(sign) ? 2 : 1
    if (cells > columns) return kept
    kept += sign
  }
  return kept
}
