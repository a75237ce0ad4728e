// The commands of the command line over the same desk as the app's. Answers the exit code.
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { DeskError, toDeskError, type ErrorCode } from '../../src-shared/errors'
import { isFinal, type Job } from '../../src-shared/job'
import { cliWords, type CliWords } from '../../src-shared/words/cli'
import type { Language } from '../../src-shared/words/errors'
import { openDesk, usesBuiltInService, type Desk, type ServerChoice } from '../desk'
import type { DeskHome } from '../desk-home'
import type { LocalService } from '../local-service'
import { fileError, readInput } from '../submitter/media-probe'
import { parseCommand, UsageProblem, type Command } from './cli-arguments'
import { createJsonOutput, createTextOutput, type CliOutput } from './cli-output'

/** Documented in the usage text and the README. */
export const exitCodes = { done: 0, failed: 1, badUsage: 2, notLicensed: 3, unreachable: 4, cancelled: 5 } as const

export interface CliDeps {
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly home: DeskHome
  readonly language: Language
  readonly version: string
  /** Settings and environment as they stand; the addresses of the arguments come on top. */
  readonly serverChoice: ServerChoice
  readonly outputDir: string
  readonly localService: LocalService
  readonly hashWorkerUrl: URL
  readonly stdout: { readonly isTTY?: boolean; readonly columns?: number; write: (text: string) => unknown }
  readonly stderr: { write: (text: string) => unknown }
  /** Calls back on Ctrl-C and on being asked to end. */
  readonly onInterrupt: (listener: () => void) => void
}

const notLicensed: ReadonlySet<ErrorCode> = new Set(['license_missing', 'license_unknown', 'license_expired', 'license_refused', 'secret_unreadable'])
const unreachable: ReadonlySet<ErrorCode> = new Set(['server_unreachable', 'server_timeout', 'gpu_off', 'gpu_boot_failed'])

export function exitCodeOf(error: { readonly code: ErrorCode }): number {
  if (notLicensed.has(error.code)) return exitCodes.notLicensed
  return unreachable.has(error.code) ? exitCodes.unreachable : exitCodes.failed
}

export async function runCli(deps: CliDeps): Promise<number> {
  const words = cliWords[deps.language]
  let command: Command
  try {
    command = parseCommand(deps.args, words)
  } catch (thrown) {
    if (!(thrown instanceof UsageProblem)) throw thrown
    deps.stderr.write(`${thrown.message}\n`)
    return exitCodes.badUsage
  }
  if (command.name === 'help') {
    deps.stdout.write(`${words.usage}\n`)
    return exitCodes.done
  }
  if (command.name === 'version') {
    deps.stdout.write(`${deps.version}\n`)
    return exitCodes.done
  }
  const write = (text: string): void => void deps.stdout.write(text)
  const output = command.json
    ? createJsonOutput(deps.language, write)
    : createTextOutput(deps.language, words, deps.stdout.isTTY === true ? { columns: deps.stdout.columns ?? 80 } : null, write)
  const logFault = (thrown: unknown, before = ''): void => void deps.stderr.write(`${before}${String(thrown instanceof Error ? (thrown.stack ?? thrown.message) : thrown)}\n`)
  let desk: Desk | null = null
  try {
    const choice = command.name === 'submit' ? withAddresses(deps.serverChoice, command) : deps.serverChoice
    desk = await openDesk({
      home: deps.home,
      env: deps.env,
      serverChoice: () => choice,
      localService: deps.localService,
      hashWorkerUrl: deps.hashWorkerUrl,
      waitForGpu: false,
      logFault: (jobId, thrown) => logFault(thrown, `${jobId}: `),
    })
    return await runCommand(command, desk, choice, deps, output, words)
  } catch (thrown) {
    const error = toDeskError(thrown)
    if (error.code === 'internal') logFault(thrown)
    output.failed(error.toData())
    return exitCodeOf(error)
  } finally {
    await desk?.close()
  }
}

const withAddresses = (choice: ServerChoice, { api, gpu }: Extract<Command, { name: 'submit' }>): ServerChoice => ({
  ...choice,
  apiUrl: api ?? choice.apiUrl,
  gpuUrl: gpu ?? choice.gpuUrl,
})

async function runCommand(command: Exclude<Command, { name: 'help' | 'version' }>, desk: Desk, choice: ServerChoice, deps: CliDeps, output: CliOutput, words: CliWords): Promise<number> {
  const { submitter } = desk
  switch (command.name) {
    case 'list': {
      const jobs = submitter.jobs()
      for (const job of jobs) output.jobShown(job)
      if (jobs.length === 0) output.note(words.noJobs)
      return exitCodes.done
    }
    case 'show':
      output.jobShown(found(desk, command.id))
      return exitCodes.done
    case 'cancel': {
      const job = found(desk, command.id)
      if (isFinal(job.state)) throw new DeskError('not_now')
      submitter.cancel(job.id)
      const end = await untilFinal(desk, job.id)
      output.jobChanged(end)
      return end.state.kind === 'cancelled' ? exitCodes.done : exitCodes.failed
    }
    case 'retry': {
      const job = found(desk, command.id)
      output.note(serverNote(choice, words))
      return follow(desk, job.id, deps, output, words, () => submitter.retry(job.id))
    }
    case 'submit': {
      const video = await readInput(resolve(command.video), 'video')
      const audio = await readInput(resolve(command.audio), 'audio')
      const outputDir = command.out === null ? deps.outputDir : resolve(command.out)
      // A folder named on the command line, or our own default, is made; a parent that is missing is told.
      await mkdir(outputDir, { recursive: command.out === null }).catch((thrown: unknown) => {
        if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw new DeskError('output_missing', { folder: outputDir }, fileError(thrown, outputDir))
      })
      output.note(serverNote(choice, words))
      let id = ''
      return follow(desk, () => id, deps, output, words, () => {
        id = submitter.add({ video, audio, outputDir }).id
      })
    }
  }
}

const serverNote = (choice: ServerChoice, words: CliWords): string => (usesBuiltInService(choice) ? words.builtIn : words.usingServers(choice.apiUrl, choice.gpuUrl))

function found(desk: Desk, id: string): Job {
  const exact = desk.submitter.get(id)
  // The first signs of an id are enough where they are unambiguous, as people expect of ids this long.
  const candidates = exact ? [exact] : desk.submitter.jobs().filter((job) => id.length >= 4 && job.id.startsWith(id))
  const [only, ...others] = candidates
  if (only === undefined || others.length > 0) throw new DeskError('job_unknown')
  return only
}

/** Starts a job, shows its changes and waits for its end. */
async function follow(desk: Desk, job: string | (() => string), deps: CliDeps, output: CliOutput, words: CliWords, start: () => void): Promise<number> {
  const idOf = (): string => (typeof job === 'string' ? job : job())
  let interrupted = false
  deps.onInterrupt(() => {
    // The second time nothing is awaited: the job stays as it is and can be retried.
    if (interrupted) process.exit(exitCodes.cancelled)
    interrupted = true
    output.note(words.cancelling)
    desk.submitter.cancel(idOf())
  })
  // The id is known once start() is through; its first change comes before that.
  const early: Job[] = []
  let started = false
  const stopListening = desk.submitter.onChange(({ job: changed }) => {
    if (!started) early.push(changed)
    else if (changed.id === idOf()) output.jobChanged(changed)
  })
  try {
    start()
    started = true
    for (const changed of early) if (changed.id === idOf()) output.jobChanged(changed)
    return exitCodeOfEnd(await untilFinal(desk, idOf()))
  } finally {
    stopListening()
  }
}

function exitCodeOfEnd({ state }: Job): number {
  if (state.kind === 'done') return exitCodes.done
  if (state.kind === 'failed') return exitCodeOf(state.error)
  return exitCodes.cancelled
}

/** The job once it has ended, whoever runs it. */
function untilFinal(desk: Desk, id: string): Promise<Job> {
  return new Promise((resolve) => {
    const job = desk.submitter.get(id)
    if (job !== null && isFinal(job.state)) return resolve(job)
    // The submitter's look at other processes' changes does not keep a program alive by itself.
    const alive = setInterval(() => undefined, 1_000)
    const stop = desk.submitter.onChange(({ job: changed }) => {
      if (changed.id !== id || !isFinal(changed.state)) return
      clearInterval(alive)
      stop()
      resolve(changed)
    })
  })
}

