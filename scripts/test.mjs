// `npm test`: everything there is to test, with nothing prepared by hand: system packages, runtime and build first,
// then the checks and unit tests, then the end-to-end tests in the real program. Its last line counts them all.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buildIfStale } from './build.mjs'
import { check, unitReport } from './check.mjs'
import { cacheDir, projectRoot } from './project-root.mjs'
import { findRuntime, whyNoSandbox } from './runtime.mjs'
import { ensureSystemPackages } from './system-packages.mjs'

const endToEndReport = join(cacheDir, 'test', 'end-to-end.json')
const hasDisplay = process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)

ensureSystemPackages(['ffmpeg', 'redis', 'electron', 'fonts', ...(hasDisplay ? [] : ['display'])])
const runtime = await findRuntime()
if (runtime.note) console.log(runtime.note)
await buildIfStale()

await Promise.all([unitReport, endToEndReport].map((path) => rm(path, { force: true })))
const failedChecks = await check()
const endToEndCode = await runEndToEnd()

const unit = readCounts(unitReport, unitCounts)
const endToEnd = readCounts(endToEndReport, endToEndCounts)
const passed = unit.passed + endToEnd.passed
const skipped = unit.skipped + endToEnd.skipped
// A check that is no test counts as one; so does a run that ended badly though every test it reported passed.
const failed =
  failedChecks.filter((name) => name !== 'unit tests').length +
  Math.max(unit.failed, failedChecks.includes('unit tests') ? 1 : 0) +
  Math.max(endToEnd.failed, endToEndCode === 0 ? 0 : 1)
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed > 0 ? 1 : 0

async function runEndToEnd() {
  const playwright = [process.execPath, join(projectRoot, 'node_modules', '@playwright', 'test', 'cli.js'), 'test', '--reporter=list,json']
  const [command, ...args] = hasDisplay ? playwright : ['xvfb-run', '-a', '-s', '-screen 0 2000x1200x24', ...playwright]
  const child = spawn(command, args, {
    cwd: projectRoot,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      LIPSYNC_ELECTRON: runtime.executable,
      PLAYWRIGHT_JSON_OUTPUT_FILE: endToEndReport,
      // Electron reads this by itself; the tests need not know.
      ...(whyNoSandbox() === undefined ? {} : { ELECTRON_DISABLE_SANDBOX: '1' }),
    },
  })
  return await new Promise((settle, fail) => child.once('error', fail).once('close', settle))
}

function readCounts(path, counts) {
  if (!existsSync(path)) return { passed: 0, failed: 0, skipped: 0 }
  return counts(JSON.parse(readFileSync(path, 'utf8')))
}

function unitCounts(report) {
  return { passed: report.numPassedTests, failed: report.numFailedTests, skipped: report.numPendingTests + report.numTodoTests }
}

function endToEndCounts({ stats }) {
  return { passed: stats.expected, failed: stats.unexpected + stats.flaky, skipped: stats.skipped }
}
