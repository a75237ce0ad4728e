// Folders that refuse, even to root.
import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'

/** Makes `dir` read-only; answers how to undo it, or why it cannot be done here. */
export function makeReadOnly(dir: string): { readonly undo: () => void } | { readonly why: string } {
  if (process.platform === 'win32') return { why: 'Windows ignores the read-only mark of folders' }
  if (process.getuid?.() !== 0) {
    chmodSync(dir, 0o555)
    return { undo: () => chmodSync(dir, 0o755) }
  }
  const ways = [
    { make: ['mount', '-t', 'tmpfs', '-o', 'ro', 'none', dir], undo: ['umount', dir] },
    { make: ['chattr', '+i', dir], undo: ['chattr', '-i', dir] },
  ]
  for (const { make, undo } of ways) {
    if (runs(make)) return { undo: () => void runs(undo) }
  }
  return { why: 'root may write everywhere here, and neither a read-only mount nor chattr is allowed' }
}

/** Lets files be made in `dir`, but no name be taken away; answers how to undo it, or why it cannot be done here. */
export function holdNames(dir: string): { readonly undo: () => void } | { readonly why: string } {
  if (!runs(['chattr', '+a', dir])) return { why: 'a folder whose names stay needs root and a file system that knows chattr' }
  return { undo: () => void runs(['chattr', '-a', dir]) }
}

function runs([program = '', ...args]: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
