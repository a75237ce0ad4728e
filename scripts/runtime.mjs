// Decides which Electron runs the app: a given one, the pinned one, or on linux-x64 machines that cannot fetch it a
// fallback for tests. The only place that decides this; run as a program it prints what it found.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fallbackRuntime } from './fallback-runtime.mjs'
import { cacheDir, projectRoot } from './project-root.mjs'

const ELECTRON = join(projectRoot, 'node_modules', 'electron')
const FETCH_FAILED = join(cacheDir, 'electron-fetch-failed')
const FETCH_TEMP = join(cacheDir, 'electron-fetch')
// How long fetching may bring nothing before it counts as impossible. A download that moves is left to finish.
const SILENCE_MS = 8_000
const REMEMBER_FAILURE_MS = 24 * 60 * 60 * 1000

/**
 * The Electron to run: `{ executable, version, pinned, fallback, note? }`. Start it with the project's folder as its
 * first argument. `note` is one line for the user when it is not the pinned one. Throws, with one line that names what
 * is missing, where there is none.
 */
export async function findRuntime() {
  const given = process.env.LIPSYNC_ELECTRON_DIST
  if (given) return givenRuntime(given)
  const pinned = installedRuntime()
  if (pinned !== undefined) return pinned

  const hasFallback = process.platform === 'linux' && process.arch === 'x64'
  if (!hasFallback || !failedLately()) {
    await fetchPinned(hasFallback)
    const fetched = installedRuntime()
    if (fetched !== undefined) return fetched
    await rememberFailure()
  }
  if (!hasFallback) {
    throw new Error(
      `Electron ${pinnedVersion()} is not installed and could not be fetched: run "npx install-electron", or set LIPSYNC_ELECTRON_DIST to its folder.`,
    )
  }
  const fallback = await fallbackRuntime()
  return {
    ...fallback,
    pinned: false,
    fallback: true,
    note: `Running on Electron ${fallback.version}, an old runtime for tests only: Electron ${pinnedVersion()} could not be fetched here.`,
  }
}

/**
 * Why Chromium's sandbox cannot work for this user on this system; undefined where it can, and there it is never turned
 * off. Concerns starts from a checkout only: a packaged program decides nothing of the kind.
 */
export function whyNoSandbox() {
  if (process.platform !== 'linux') return undefined
  if (process.getuid() === 0) return 'this is the root user'
  // What the sandbox is made of; some containers and systems forbid it to users.
  const trial = spawnSync('unshare', ['--user', '--map-root-user', '--net', 'true'], { stdio: 'ignore' })
  return trial.status === 0 ? undefined : 'this system gives its users no namespaces'
}

function pinnedVersion() {
  return JSON.parse(readFileSync(join(ELECTRON, 'package.json'), 'utf8')).version
}

function executableIn(dist) {
  if (process.platform === 'win32') return join(dist, 'electron.exe')
  return process.platform === 'darwin' ? join(dist, 'Electron.app/Contents/MacOS/Electron') : join(dist, 'electron')
}

function versionIn(dist) {
  const file = join(dist, 'version')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().replace(/^v/, '') : undefined
}

function givenRuntime(dist) {
  const executable = executableIn(dist)
  if (!existsSync(executable)) throw new Error(`LIPSYNC_ELECTRON_DIST holds no Electron: ${executable} is not there.`)
  const version = versionIn(dist) ?? 'of unknown version'
  const pinned = version === pinnedVersion()
  const note = `Running on Electron ${version} from LIPSYNC_ELECTRON_DIST.`
  return { executable, version, pinned, fallback: false, ...(pinned ? {} : { note }) }
}

function installedRuntime() {
  const dist = join(ELECTRON, 'dist')
  const version = versionIn(dist)
  // Its own installer writes path.txt last, so an unpacking that was killed does not count.
  if (version !== pinnedVersion() || !existsSync(join(ELECTRON, 'path.txt')) || !existsSync(executableIn(dist))) return undefined
  return { executable: executableIn(dist), version, pinned: true, fallback: false }
}

function failedLately() {
  if (!existsSync(FETCH_FAILED)) return false
  const sameVersion = readFileSync(FETCH_FAILED, 'utf8').trim() === pinnedVersion()
  return sameVersion && Date.now() - statSync(FETCH_FAILED).mtimeMs < REMEMBER_FAILURE_MS
}

async function rememberFailure() {
  await mkdir(cacheDir, { recursive: true })
  await writeFile(FETCH_FAILED, `${pinnedVersion()}\n`)
}

/** Runs Electron's own installer. With a fallback at hand it may be silent only for so long; without one it is awaited. */
async function fetchPinned(hasFallback) {
  console.error(`Fetching Electron ${pinnedVersion()}…`)
  const temp = join(FETCH_TEMP, String(process.pid))
  await mkdir(temp, { recursive: true })
  const child = spawn(process.execPath, [join(ELECTRON, 'install.js')], {
    // Its downloads go to a folder of ours: that is how their progress is seen.
    env: { ...process.env, TMPDIR: temp, TMP: temp, TEMP: temp },
    stdio: ['ignore', 'ignore', hasFallback ? 'ignore' : 'inherit'],
    // A group of its own, so that what it starts ends with it.
    detached: process.platform !== 'win32',
  })
  const watch = hasFallback ? watchSilence(temp, () => killGroup(child)) : undefined
  const stop = () => {
    killGroup(child)
    process.exit(130)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  await new Promise((settle) => child.once('error', settle).once('close', settle))
  process.off('SIGINT', stop).off('SIGTERM', stop)
  clearInterval(watch)
  await rm(temp, { recursive: true, force: true })
}

function watchSilence(folder, giveUp) {
  let seenBytes = 0
  let movedAt = Date.now()
  return setInterval(() => {
    // Besides the download, the unpacking counts as movement.
    const bytes = bytesBelow(folder) + bytesBelow(join(ELECTRON, 'dist'))
    if (bytes !== seenBytes) movedAt = Date.now()
    seenBytes = bytes
    if (Date.now() - movedAt > SILENCE_MS) giveUp()
  }, 250)
}

function bytesBelow(folder) {
  if (!existsSync(folder)) return 0
  let bytes = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    // A file may go away between the listing and the look.
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}

function killGroup(child) {
  try {
    if (process.platform === 'win32') child.kill()
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It ended by itself just now.
  }
}

if (process.argv[1] === import.meta.filename) console.log(JSON.stringify(await findRuntime(), null, 2))
