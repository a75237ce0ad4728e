// `npm start`: opens the app; where there is no display, does the same job in the terminal on the sample media.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { buildIfStale } from './build.mjs'
import { projectRoot } from './project-root.mjs'
import { runProgram } from './run-program.mjs'
import { findRuntime, whyNoSandbox } from './runtime.mjs'
import { ensureSystemPackages } from './system-packages.mjs'

const hasDisplay = process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)

let runtime
try {
  ensureSystemPackages(hasDisplay ? ['ffmpeg', 'electron', 'fonts'] : ['ffmpeg'])
  runtime = hasDisplay ? await findRuntime() : undefined
  await buildIfStale()
} catch (error) {
  console.error(error.message)
  process.exit(1)
}
await (runtime === undefined ? submitSample() : openApp(runtime, process.argv.slice(2)))

async function openApp({ executable, note }, args) {
  if (note) console.error(note)
  const reason = whyNoSandbox()
  if (reason !== undefined) console.error(`Running without the Chromium sandbox, only because ${reason}.`)

  const child = spawn(executable, [...(reason === undefined ? [] : ['--no-sandbox']), projectRoot, ...args], { cwd: projectRoot, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl+C to the app as well; twice would mean "at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  process.exitCode = await new Promise((settle, fail) => {
    child.once('error', fail)
    child.once('exit', (code, signal) => settle(code ?? 128 + constants.signals[signal]))
  })
}

async function submitSample() {
  console.error('No display here: doing the same job in the terminal, on the sample media.')
  const sample = join(projectRoot, 'assets', 'sample')
  await runProgram('cli', ['submit', '--video', join(sample, 'presenter.mp4'), '--audio', join(sample, 'voice.wav')])
}
