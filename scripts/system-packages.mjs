// Sees to the system packages the program and its tests need. With apt and the right to use it they are installed;
// anywhere else one line names what is missing and the caller goes on, since the program itself says what it lacks.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

// Per need: Debian packages of which one is enough (releases renamed some; the first that apt knows is installed), and
// the command that shows it is there on systems without dpkg.
const GROUPS = {
  ffmpeg: [{ packages: ['ffmpeg'], command: 'ffmpeg' }],
  // Only tests start one; a server of its own is the operator's.
  redis: [{ packages: ['redis-server'], command: 'redis-server' }],
  display: [
    { packages: ['xvfb'], command: 'Xvfb' },
    { packages: ['xauth'], command: 'xauth' },
  ],
  electron: [
    { packages: ['libgtk-3-0', 'libgtk-3-0t64'] },
    { packages: ['libnss3'] },
    { packages: ['libasound2', 'libasound2t64'] },
    { packages: ['libgbm1'] },
    { packages: ['libxss1'] },
    { packages: ['libatk-bridge2.0-0', 'libatk-bridge2.0-0t64'] },
  ],
  // Without one of these Chinese shows as boxes.
  fonts: [{ packages: ['fonts-wqy-zenhei', 'fonts-noto-cjk', 'fonts-wqy-microhei', 'fonts-arphic-uming'] }],
}

/** Sees to the named groups (`ffmpeg`, `redis`, `display`, `electron`, `fonts`); answers the names of what is still missing. */
export function ensureSystemPackages(groups) {
  const needs = groups.flatMap((group) => GROUPS[group])
  if (!hasApt()) return report(needs.filter((need) => need.command !== undefined && !onPath(need.command)).map((need) => need.command))

  const missing = missingNeeds(needs)
  if (missing.length === 0) return []
  const root = rootCommand()
  if (root === undefined) return report(missing.map((need) => need.packages[0]), true)

  console.error(`Installing system packages: ${missing.map((need) => need.packages[0]).join(' ')}`)
  // A fresh image has no package lists; old lists may name files that are gone, which an update mends.
  const updated = hasLists() ? false : apt(root, ['update'])
  if (!apt(root, installOf(missing)) && !updated && apt(root, ['update'])) apt(root, installOf(missing))
  return report(missingNeeds(missing).map((need) => need.packages[0]), true)
}

function report(missing, viaApt = false) {
  if (missing.length > 0) {
    const how = viaApt ? `apt-get install -y --no-install-recommends ${missing.join(' ')}` : 'your package manager, and have them on PATH'
    console.error(`Missing: ${missing.join(', ')}. Install with: ${how}`)
  }
  return missing
}

function hasApt() {
  return process.platform === 'linux' && onPath('dpkg-query') && onPath('apt-get')
}

function onPath(command) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : ['']
  return (process.env.PATH ?? '').split(delimiter).some((folder) =>
    endings.some((ending) => {
      try {
        accessSync(join(folder, command + ending), constants.X_OK)
        return true
      } catch {
        return false
      }
    }),
  )
}

function missingNeeds(needs) {
  const names = needs.flatMap((need) => need.packages)
  // It ends with an error when it does not know one of the names; what it knows is printed all the same.
  const query = spawnSync('dpkg-query', ['--show', '--showformat', '${Package} ${db:Status-Status}\n', ...names], { encoding: 'utf8' })
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  )
  return needs.filter((need) => !need.packages.some((name) => installed.has(name)))
}

/** What to put before a command so that it runs as root; undefined when that is not possible without a password. */
function rootCommand() {
  if (process.getuid() === 0) return []
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' })
  return sudo.status === 0 ? ['sudo', '-n'] : undefined
}

function hasLists() {
  const lists = '/var/lib/apt/lists'
  return existsSync(lists) && readdirSync(lists).some((name) => name.includes('_Packages'))
}

function installOf(needs) {
  return ['install', '--yes', '--no-install-recommends', ...needs.map((need) => need.packages.find(isKnown) ?? need.packages[0])]
}

function isKnown(name) {
  // A renamed package stays known as a name others provide, but has no version of its own to install.
  const policy = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
  return /Candidate: (?!\(none\))/.test(policy.stdout ?? '')
}

function apt(root, args) {
  const [command, ...rest] = [
    ...root,
    ...['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-o', 'Dpkg::Use-Pty=0', '-o', 'DPkg::Lock::Timeout=300'],
    ...args,
  ]
  const { status, stderr } = spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  // It is talkative even when all went well.
  if (status !== 0) console.error(stderr?.trim())
  return status === 0
}
