#!/usr/bin/env node
// The `lipsync-desk` command from a checkout: the terminal client, built when its sources changed.
// Standard output is the client's alone, since `--json` promises one object a line.
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
await runProgram('cli', process.argv.slice(2))
