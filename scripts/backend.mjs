// `npm run backend -- all`: the server side of the system from a checkout, built when its sources changed.
import { buildIfStale } from './build.mjs'
import { runProgram } from './run-program.mjs'
import { ensureSystemPackages } from './system-packages.mjs'

try {
  ensureSystemPackages(['ffmpeg'])
  await buildIfStale()
} catch (error) {
  console.error(error.message)
  process.exit(1)
}
await runProgram('backend', process.argv.slice(2))
