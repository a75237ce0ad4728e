// Builds the programs into out/ when a source differs from what the last build was made of. Several callers may ask at
// once: one builds, the others wait and use the same result.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { cacheDir, projectRoot } from './project-root.mjs'

// Inside a folder that every build empties first: a build that was killed, or made without this script, has no stamp.
const STAMP = join(projectRoot, 'out', 'main', '.built-from')
const LOCK = join(cacheDir, 'build-lock')
const ROOT_FILE = /^(electron\.vite\.config\.ts|package(-lock)?\.json|tsconfig.*\.json|postcss\.config\..*)$/

/** Builds if needed; what it says goes to standard error. Throws when the build fails. */
export async function buildIfStale() {
  if (isFresh(fingerprint())) return
  await takeLock()
  try {
    const wanted = fingerprint()
    if (isFresh(wanted)) return
    console.error('Building…')
    await rm(STAMP, { force: true })
    await build()
    // The sources as they were before the build: a change made meanwhile makes the next caller build again.
    await writeFile(STAMP, wanted)
  } finally {
    await rm(LOCK, { recursive: true, force: true })
  }
}

function isFresh(wanted) {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted
}

/** One hash over names and contents of everything a build reads. Contents, since a checkout sets times as it likes. */
function fingerprint() {
  const hash = createHash('sha256')
  for (const path of sourceFiles()) hash.update(relative(projectRoot, path)).update('\0').update(readFileSync(path)).update('\0')
  return hash.digest('hex')
}

function sourceFiles() {
  const files = []
  for (const entry of readdirSync(projectRoot, { withFileTypes: true })) {
    if (entry.isFile() && ROOT_FILE.test(entry.name)) files.push(join(projectRoot, entry.name))
    if (!entry.isDirectory() || !(entry.name.startsWith('src-') || entry.name === 'assets')) continue
    for (const file of readdirSync(join(projectRoot, entry.name), { recursive: true, withFileTypes: true })) {
      if (file.isFile() && !/\.test\.tsx?$/.test(file.name)) files.push(join(file.parentPath, file.name))
    }
  }
  return files.sort()
}

async function takeLock() {
  await mkdir(cacheDir, { recursive: true })
  for (;;) {
    try {
      await mkdir(LOCK)
      await writeFile(join(LOCK, 'pid'), String(process.pid))
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (await isAbandoned()) await rm(LOCK, { recursive: true, force: true })
    else await pause(150)
  }
}

async function isAbandoned() {
  try {
    process.kill(Number(readFileSync(join(LOCK, 'pid'), 'utf8')), 0)
    return false
  } catch (error) {
    if (error.code === 'ESRCH') return true
    if (error.code !== 'ENOENT') return false
    // No pid yet: its maker is about to write it, unless that was killed in between.
    const made = await stat(LOCK).catch(() => undefined)
    return made !== undefined && Date.now() - made.mtimeMs > 5_000
  }
}

async function build() {
  const cli = join(projectRoot, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js')
  const child = spawn(process.execPath, [cli, 'build', '--logLevel', 'warn'], { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (text) => (said += text))
  child.stderr.on('data', (text) => (said += text))
  const code = await new Promise((settle, fail) => child.once('error', fail).once('close', settle))
  if (code === 0) return
  console.error(said)
  throw new Error('The build failed; the lines above say why.')
}

if (process.argv[1] === import.meta.filename) await buildIfStale()
