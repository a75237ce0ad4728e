// Runs ffmpeg and ffprobe: argument lists only, killed on abort, and never left behind when this process dies.
import { spawn, type ChildProcess } from 'node:child_process'

export interface ProgramRun {
  readonly program: string
  readonly args: readonly string[]
  readonly signal: AbortSignal
  /** Called with each line of stdout; without it stdout is collected. */
  readonly onLine?: (line: string) => void
}

export interface ProgramEnd {
  readonly exitCode: number | null
  readonly stdout: string
  /** The end of it: programs say why they fail last. */
  readonly stderr: string
}

/** The program cannot be started at all. */
export class ProgramMissing extends Error {}

const stderrLimit = 8 * 1024

/**
 * A small supervisor for systems whose processes outlive their parent: it holds our pipe, and when that closes (abort,
 * or this process killed in whatever way) it kills the program. On Windows the runtime puts children in a job object
 * that does the same. The program's arguments are passed as words, never as shell text.
 */
const supervisor = [
  'exec 3<&0 </dev/null',
  '"$@" 3<&- & child=$!',
  '(while read -r _ <&3; do :; done; kill -9 $child) >/dev/null 2>&1 & watcher=$!',
  'exec 3<&-',
  'wait $child; code=$?',
  'kill -9 $watcher',
  'exit $code',
].join('\n')

export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  run.signal.throwIfAborted()
  const child =
    process.platform === 'win32'
      ? spawn(run.program, run.args, { windowsHide: true, stdio: 'pipe' })
      : spawn('/bin/sh', ['-c', supervisor, 'sh', run.program, ...run.args], { stdio: 'pipe' })
  const stop = (): void => {
    if (process.platform === 'win32') child.kill()
    else child.stdin.destroy()
  }
  run.signal.addEventListener('abort', stop, { once: true })
  try {
    const end = await ended(child, run)
    run.signal.throwIfAborted()
    // What a shell answers for a program that is not there, or is not a program.
    if (process.platform !== 'win32' && (end.exitCode === 127 || end.exitCode === 126)) {
      throw new ProgramMissing(`cannot run ${run.program}`)
    }
    return end
  } finally {
    run.signal.removeEventListener('abort', stop)
    child.stdin.destroy()
  }
}

function ended(child: ChildProcess, run: ProgramRun): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (!run.onLine) return
      const lines = stdout.split('\n')
      stdout = lines.pop() ?? ''
      for (const line of lines) run.onLine(line.trimEnd())
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-stderrLimit)
    })
    child.stdin?.on('error', () => undefined)
    child.once('error', (error) => {
      reject(new ProgramMissing(`cannot run ${run.program}`, { cause: error }))
    })
    child.once('close', (exitCode) => {
      resolve({ exitCode, stdout, stderr })
    })
  })
}
