// Starts the built-in backend from the app: an Electron utility process, which ends with the app.
import { utilityProcess } from 'electron'
import { fileURLToPath } from 'node:url'
import type { LaunchService } from './local-service'

export const launchUtility =
  (program: URL): LaunchService =>
  (args, env) => {
    const child = utilityProcess.fork(fileURLToPath(program), [...args], { env: env, stdio: 'pipe', serviceName: 'lipsync-desk-service' })
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-4000)))
    // Unread output would fill the pipe and stop the service.
    child.stdout?.resume()
    return {
      get pid() {
        return child.pid ?? 0
      },
      // The ready object comes as a message too; a line of it is what local-service reads.
      firstLine: new Promise((resolve) => child.once('message', (message: unknown) => resolve(JSON.stringify(message)))),
      exited: new Promise((resolve) => child.once('exit', (code) => resolve({ code, said }))),
      stop: () => void child.kill(),
    }
  }
