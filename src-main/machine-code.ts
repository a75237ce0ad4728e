// The machine code that licenses are bound to (contract.md §2.1): upper-case MD5 hex of the system's own machine id, kept
// in a file so that it stays the same whatever the system says later.
import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const pattern = /^[0-9A-F]{32}$/

/** `LIPSYNC_MACHINE_CODE` serves those whose license is already bound to the code of another client. */
export async function machineCode(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const given = env['LIPSYNC_MACHINE_CODE']?.trim()
  if (given) return given
  const kept = await readFile(path, 'utf8').then((text) => text.trim(), () => '')
  if (pattern.test(kept)) return kept
  const id = (await systemMachineId().catch(() => '')) || randomUUID()
  const code = createHash('md5').update(`lipsync-desk ${id}`).digest('hex').toUpperCase()
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${code}\n`)
  return code
}

async function systemMachineId(): Promise<string> {
  switch (process.platform) {
    case 'win32': {
      const { stdout } = await run('reg', ['query', 'HKLM\\SOFTWARE\\Microsoft\\Cryptography', '/v', 'MachineGuid'], { timeout: 5_000, windowsHide: true })
      return /MachineGuid\s+REG_SZ\s+(\S+)/.exec(stdout)?.[1] ?? ''
    }
    case 'darwin': {
      const { stdout } = await run('ioreg', ['-rd1', '-c', 'IOPlatformExpertDevice'], { timeout: 5_000 })
      return /"IOPlatformUUID" = "([^"]+)"/.exec(stdout)?.[1] ?? ''
    }
    default:
      return (await readFile('/etc/machine-id', 'utf8')).trim()
  }
}
