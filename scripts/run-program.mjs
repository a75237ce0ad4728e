// Runs one of the built Node programs in this very process: signals, standard streams and the exit code are then the
// program's own, with nothing to pass on.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { projectRoot } from './project-root.mjs'

/** Runs `out/main/<name>.js` as if Node had been started with it and `args`. */
export async function runProgram(name, args) {
  const path = join(projectRoot, 'out', 'main', `${name}.js`)
  process.argv = [process.argv[0], path, ...args]
  await import(pathToFileURL(path).href)
}
