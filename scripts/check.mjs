// `npm run check`: types per room, lint, import directions, unused code, unit tests. Everything runs even when
// something failed, so that one look shows all there is to mend; the unit tests run alone, since they keep time.
import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { cacheDir, projectRoot } from './project-root.mjs'
import { ensureSystemPackages } from './system-packages.mjs'

export const unitReport = join(cacheDir, 'test', 'unit.json')

const ROOMS = ['src-shared', 'src-main', 'src-backend', 'src-renderer']
// The slowest first, so that the last one does not run alone.
const STEPS = [
  { name: 'lint', command: ['eslint/bin/eslint.js', '.', '--max-warnings', '0'] },
  { name: 'unused code', command: ['knip/bin/knip.js', '--no-progress'] },
  { name: 'import directions', command: ['dependency-cruiser/bin/dependency-cruise.mjs', ...ROOMS, '--config', '.dependency-cruiser.cjs'] },
  ...ROOMS.map((room) => ({ name: `types of ${room}`, command: ['typescript/bin/tsc', '-p', room] })),
  { name: 'types of the rest', command: ['typescript/bin/tsc', '-p', '.'] },
]
const UNIT_TESTS = ['vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${unitReport}`]

/** Runs all checks; answers the names of those that failed. The unit tests' counts are left in `unitReport`. */
export async function check() {
  ensureSystemPackages(['ffmpeg', 'redis'])
  await mkdir(join(cacheDir, 'test'), { recursive: true })
  const failed = []
  const waiting = [...STEPS]
  const worker = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const startedAt = Date.now()
      const { code, said } = await run(step.command, 'pipe')
      console.log(`${code === 0 ? '✓' : '✗'} ${step.name} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`)
      if (code === 0) continue
      console.log(said.trim())
      failed.push(step.name)
    }
  }
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker))

  const tests = await run(UNIT_TESTS, 'inherit')
  if (tests.code !== 0) failed.push('unit tests')
  if (failed.length > 0) console.log(`Failed: ${failed.join(', ')}`)
  return failed
}

async function run([program, ...args], output) {
  const child = spawn(process.execPath, [join(projectRoot, 'node_modules', program), ...args], {
    cwd: projectRoot,
    stdio: ['ignore', output, output],
  })
  let said = ''
  child.stdout?.on('data', (text) => (said += text))
  child.stderr?.on('data', (text) => (said += text))
  const code = await new Promise((settle, fail) => child.once('error', fail).once('close', settle))
  return { code, said }
}

if (process.argv[1] === import.meta.filename) process.exitCode = (await check()).length > 0 ? 1 : 0
