// The face2face engine: a service that renders one job at a time, tells its end only once, stalls in silence and forgets.
// What it was given and what it answered is kept on disk, so that a render goes on where this process ended.
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { reasonOf, type Log } from '../log'
import { DuixUnreachable, type DuixClient, type QueryAnswer } from './duix-client'
import { failureSaid, forgotten, stuck, type DuixFailure } from './duix-failures'
import { fixtureSeconds, type DuixFolder, type DuixInputs, type PathStyle } from './duix-folder'
import type { DuixRun, DuixRuns } from './duix-runs'
import { EngineFailure, type Engine, type EngineState, type RenderRequest } from './engine'
import { runProgram } from './run-program'

export interface DuixTimes {
  readonly pollMs: number
  /** Between two tries while it is busy: from, to. */
  readonly busyMs: readonly [number, number]
  /** Busy for so long without a job of ours: stuck. */
  readonly busyLimitMs: number
  /** No change of progress for so long: stalled. */
  readonly stallMs: number
  /** The same for long sound: this much for each second of it, when that is more. Twice what a slow card takes. */
  readonly stallPerSecondMs: number
  /** From a restart until it answers; loading the model takes up to two minutes. */
  readonly startMs: number
}

export const duixTimes: DuixTimes = {
  pollMs: 3_000,
  busyMs: [5_000, 15_000],
  busyLimitMs: 30 * 60_000,
  stallMs: 180_000,
  stallPerSecondMs: 6_000,
  startMs: 300_000,
}

export interface DuixParts {
  readonly client: DuixClient
  readonly folder: DuixFolder
  readonly runs: DuixRuns
  readonly times: DuixTimes
  readonly restartCommand: readonly string[] | undefined
  readonly log: Log
}

interface DuixJob extends RenderRequest {
  readonly audioSeconds: number
}

type Outcome = { readonly kind: 'done'; readonly path: string } | { readonly kind: 'failed'; readonly failure: DuixFailure }

const failed = (failure: DuixFailure): Outcome => ({ kind: 'failed', failure })

/** How often an order is repeated that the engine refuses without saying that it is busy. */
const orderTries = 3

export class DuixEngine implements Engine {
  readonly name = 'duix'
  readonly version = 'duix-1'
  private current: EngineState = { ready: false, reason: 'the engine is starting' }
  /** Found out once for each start of the engine. */
  private style: PathStyle | undefined

  constructor(private readonly parts: DuixParts) {}

  state(): EngineState {
    return this.current
  }

  /** Ready is what answers a question about a job that nobody ever ordered. */
  async prepare(signal: AbortSignal): Promise<void> {
    try {
      await this.parts.folder.prepare()
      await this.parts.client.query(`ready-${randomBytes(4).toString('hex')}`, signal)
      this.current = { ready: true }
    } catch (error) {
      signal.throwIfAborted()
      this.current = { ready: false, reason: reasonOf(error) }
      throw error
    }
  }

  async render(request: RenderRequest): Promise<void> {
    const { runs, folder, log } = this.parts
    const { taskId, signal } = request
    const masters = { ...request, audioSeconds: await folder.audioSeconds(request.audio, signal) }
    let run = await runs.load(taskId)
    try {
      for (;;) {
        const code = codeOf(taskId, run)
        const outcome = await this.attempt(masters, run, code)
        if (outcome.kind === 'done') await folder.deliver(outcome.path, request.output, masters.audioSeconds, signal)
        await folder.clean(code)
        if (outcome.kind === 'done') break
        const { failure } = outcome
        const { remedy } = failure
        if (remedy === undefined || run.spent.includes(remedy) || !(await this.apply(remedy, signal))) {
          // Nothing more is given to an engine that is stuck until it answers again.
          if (failure.code === 'engine_stalled') this.current = { ready: false, reason: failure.message }
          throw new EngineFailure(failure.code, failure.message)
        }
        log.warn('duix_once_more', { task: taskId, remedy, reason: failure.message })
        run = { attempt: run.attempt + 1, phase: 'new', spent: [...run.spent, remedy] }
        await runs.save(taskId, run)
      }
    } catch (error) {
      // What is cut short goes on in the engine, and is looked for after the next start.
      signal.throwIfAborted()
      await folder.clean(codeOf(taskId, run))
      await runs.forget(taskId)
      throw error
    }
    await runs.forget(taskId)
  }

  private async attempt(job: DuixJob, run: DuixRun, code: string): Promise<Outcome> {
    const { runs, folder } = this.parts
    const { taskId, signal } = job
    if (run.phase === 'answered' && run.answer) return this.outcomeOf(code, run.answer, signal)
    if (run.phase === 'new') {
      const style = await this.findStyle(signal)
      if (typeof style !== 'string') return failed(style)
      const inputs = await folder.writeInputs(code, job, run.spent.includes('normalise'), signal)
      // Before the order goes out: it may arrive though its answer does not.
      await runs.save(taskId, { ...run, phase: 'ordered' })
      const refusal = await this.order(code, style, inputs, signal)
      if (refusal) return failed(refusal)
    }
    const answer = await this.follow(code, job)
    if (!('kind' in answer)) return failed(answer)
    if (answer.kind === 'unknown') return this.outcomeOf(code, { kind: 'done', result: '' }, signal)
    // Before anything acts on it: the engine has forgotten it by now.
    await runs.save(taskId, { ...run, phase: 'answered', answer })
    return this.outcomeOf(code, answer, signal)
  }

  private async outcomeOf(
    code: string,
    answer: Extract<QueryAnswer, { kind: 'done' | 'failed' }>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    if (answer.kind === 'failed') return failed(failureSaid(answer.message))
    const path = await this.parts.folder.findResult(code, answer.result, signal)
    return path === undefined ? failed(forgotten) : { kind: 'done', path }
  }

  /** Until the engine has taken the job; the reason when it does not. */
  private async order(code: string, style: PathStyle, inputs: DuixInputs, signal: AbortSignal): Promise<DuixFailure | undefined> {
    const { client, folder, times } = this.parts
    const audio = folder.nameFor(style, inputs.audio)
    const video = folder.nameFor(style, inputs.video)
    const startedAt = Date.now()
    let tries = 0
    for (;;) {
      const answer = await client.submit({ code, audio, video }, signal).catch((error: unknown) => lost(error))
      switch (answer.kind) {
        case 'accepted':
          return undefined
        case 'busy':
          if (Date.now() - startedAt > times.busyLimitMs) return stuck('the engine has been busy for too long')
          await wait(times.busyMs[0] + Math.random() * (times.busyMs[1] - times.busyMs[0]), undefined, { signal })
          continue
        case 'field-missing':
          return { code: 'engine_failed', remedy: undefined, message: `the engine misses a field: ${answer.message}`, inputUnread: false }
        case 'unclear':
          // It may have the job all the same.
          if (await this.knows(code, signal)) return undefined
          break
        case 'lock-failed':
        case 'internal':
          break
      }
      tries += 1
      // An internal error is tried once more only (engine-duix.md), the others twice.
      if (tries >= (answer.kind === 'internal' ? orderTries - 1 : orderTries)) return stuck(`the engine refuses the job: ${answer.message}`)
      await wait(times.pollMs, undefined, { signal })
    }
  }

  private async knows(code: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.look(code, signal)
    // An end that is told here would be lost to follow(): it looks for the file then, and repeats without one.
    return answer !== undefined && answer.kind !== 'unknown'
  }

  /** Until it has ended, or nothing has moved for too long. */
  private async follow(
    code: string,
    { audioSeconds, report, signal }: Pick<DuixJob, 'audioSeconds' | 'report' | 'signal'>,
  ): Promise<Extract<QueryAnswer, { kind: 'done' | 'failed' | 'unknown' }> | DuixFailure> {
    const { folder, times } = this.parts
    const stallMs = Math.max(times.stallMs, audioSeconds * times.stallPerSecondMs)
    let said = -1
    let changedAt = Date.now()
    for (;;) {
      const answer = await this.look(code, signal)
      if (answer?.kind === 'running') {
        if (answer.percent !== said) changedAt = Date.now()
        said = answer.percent
        report(progressFrom(said, Date.now() - changedAt, stallMs))
        // One image never says that it is done.
        if (said >= 100 && (await folder.findResult(code, '', signal)) !== undefined) return { kind: 'done', result: '' }
      } else if (answer) return answer
      if (Date.now() - changedAt > stallMs) {
        const where = said < 0 ? 'does not answer' : `has been silent at ${String(said)} %`
        return stuck(`the engine ${where} for too long`)
      }
      await wait(times.pollMs, undefined, { signal })
    }
  }

  /** Undefined while the engine does not answer: it is slow while it renders. */
  private async look(code: string, signal: AbortSignal): Promise<QueryAnswer | undefined> {
    try {
      return await this.parts.client.query(code, signal)
    } catch (error) {
      if (!(error instanceof DuixUnreachable)) throw error
      return undefined
    }
  }

  /** Which way of naming a file this image understands: the first with which it does not miss the fixture. */
  private async findStyle(signal: AbortSignal): Promise<PathStyle | DuixFailure> {
    if (this.style) return this.style
    const { folder, log } = this.parts
    for (const style of folder.styles) {
      const code = `fixture-${randomBytes(6).toString('hex')}`
      try {
        const inputs = await folder.writeFixture(code, signal)
        const refusal = await this.order(code, style, inputs, signal)
        if (refusal) return refusal
        const answer = await this.follow(code, { audioSeconds: fixtureSeconds, report: () => undefined, signal })
        if (!('kind' in answer)) return answer
        // A picture without a face may fail; it was found all the same.
        const found =
          answer.kind === 'failed'
            ? !failureSaid(answer.message).inputUnread
            : answer.kind === 'done' || (await folder.findResult(code, '', signal)) !== undefined
        log.info('duix_path_style_tried', { style, found })
        if (!found) continue
        this.style = style
        return style
      } finally {
        await folder.clean(code)
      }
    }
    const message = 'the engine finds no files, however they are named: is DUIX_DATA_DIR the folder it sees as /code/data?'
    return { code: 'engine_failed', remedy: undefined, message, inputUnread: true }
  }

  /** Whether there is a point in trying once more. */
  private async apply(remedy: NonNullable<DuixFailure['remedy']>, signal: AbortSignal): Promise<boolean> {
    if (remedy !== 'restart') return true
    const { restartCommand, log, times } = this.parts
    const [program, ...args] = restartCommand ?? []
    if (program === undefined) return false
    log.warn('duix_restarting')
    this.style = undefined
    this.current = { ready: false, reason: 'the engine is being restarted' }
    try {
      const end = await runProgram({ program, args, signal })
      if (end.exitCode !== 0) throw new Error(`the restart command ended with ${String(end.exitCode)}: ${end.stderr.slice(-200)}`)
    } catch (error) {
      signal.throwIfAborted()
      log.error('duix_restart_failed', { reason: reasonOf(error) })
      return false
    }
    const startedAt = Date.now()
    while (Date.now() - startedAt < times.startMs) {
      await this.prepare(signal).catch(() => undefined)
      if (this.state().ready) return true
      await wait(times.pollMs, undefined, { signal })
    }
    return false
  }
}

/** The same for the same attempt, also in the next process: that is how it finds its job again. */
function codeOf(taskId: string, run: DuixRun): string {
  return `${taskId.replace(/[^A-Za-z0-9]/g, '-')}-${String(run.attempt)}`
}

function lost(error: unknown): { readonly kind: 'unclear'; readonly message: string } {
  if (!(error instanceof DuixUnreachable)) throw error
  return { kind: 'unclear', message: error.message }
}

/**
 * The engine says 0, 5, 10, 20, 80 and 100. Between 20 and 80, where nearly all the time goes, a guess moves the bar: it
 * approaches 79 and never gets there by itself.
 */
function progressFrom(percent: number, sinceMs: number, stallMs: number): { readonly percent: number; readonly estimated: boolean } {
  if (percent < 20 || percent >= 80) return { percent, estimated: false }
  const guess = 20 + 59 * (1 - Math.exp((-4 * sinceMs) / stallMs))
  return guess > percent ? { percent: guess, estimated: true } : { percent, estimated: false }
}
