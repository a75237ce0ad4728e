import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { transformWithOxc } from 'vite'
import { describe, expect, it } from 'vitest'
import { ProgramMissing, runProgram } from './run-program'

const node = (script: string) => ({ program: process.execPath, args: ['-e', script] })
const never = new AbortController().signal

/** Resolves when there is no such process any more. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await new Promise(setImmediate)
  }
}

describe('runProgram', () => {
  it('hands over arguments as they are, and collects what is said', async () => {
    const args = ['-e', 'console.log(JSON.stringify(process.argv.slice(1)));console.error("why");process.exit(3)', 'a b', '$(x)', "'"]
    const end = await runProgram({ program: process.execPath, args, signal: never })
    expect(end).toEqual({ exitCode: 3, stdout: '["a b","$(x)","\'"]\n', stderr: 'why\n' })
  })

  it('tells lines as they come', async () => {
    const lines: string[] = []
    const onLine = (line: string): void => void lines.push(line)
    await runProgram({ ...node('process.stdout.write("a=1\\nb");setTimeout(()=>console.log("=2"))'), signal: never, onLine })
    expect(lines).toEqual(['a=1', 'b=2'])
  })

  it('gives the program no input to wait for', async () => {
    const end = await runProgram({ ...node('process.stdin.on("end",()=>console.log("end")).resume()'), signal: never })
    expect(end.stdout).toBe('end\n')
  })

  it('says that a program is missing', async () => {
    await expect(runProgram({ program: '/nowhere/ffmpeg', args: [], signal: never })).rejects.toThrow(ProgramMissing)
    await expect(runProgram({ program: 'no-such-program', args: [], signal: never })).rejects.toThrow(ProgramMissing)
  })

  it('kills the program on abort, though it would not listen', async () => {
    const aborting = new AbortController()
    let pid = 0
    const running = runProgram({
      ...node('process.on("SIGTERM",()=>{});console.log(process.pid);setInterval(()=>{},1000)'),
      signal: aborting.signal,
      onLine(line) {
        pid = Number(line)
        aborting.abort(new Error('stop it'))
      },
    })
    await expect(running).rejects.toThrow('stop it')
    await gone(pid)
  })

  it('does not start what is aborted before', async () => {
    await expect(runProgram({ ...node(''), signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
  })

  it('leaves no program behind when this one is killed', async () => {
    const module = new URL('./run-program.ts', import.meta.url).pathname
    // The same supervisor, started by a process that is then killed without a chance to clean up.
    const { code } = await transformWithOxc(await readFile(module, 'utf8'), module)
    const script = `${code}
      runProgram({ program: process.execPath, args: ['-e', 'console.log(process.pid);setInterval(()=>{},1000)'],
        signal: new AbortController().signal, onLine: (line) => console.log(line) })`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [pid] = (await once(parent.stdout, 'data')) as [Buffer]
    parent.kill('SIGKILL')
    await gone(Number(pid.toString()))
  })
})
