// Starts the built-in backend from a plain Node program (the command line, tests): a child process tied to this one by
// its stdin, so that it ends when this program is killed.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import type { LaunchService } from './local-service'

export const launchChild =
  (program: URL): LaunchService =>
  (args, env) => {
    const child = spawn(process.execPath, [fileURLToPath(program), ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text: string) => (said = (said + text).slice(-4000)))
    const lines = createInterface({ input: child.stdout })
    return {
      pid: child.pid ?? 0,
      firstLine: new Promise((resolve) => lines.once('line', resolve)),
      exited: new Promise((resolve) => {
        child.once('close', (code) => resolve({ code, said }))
        child.once('error', (error) => resolve({ code: null, said: error.message }))
      }),
      stop: () => void child.kill('SIGTERM'),
    }
  }
