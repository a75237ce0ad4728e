// Unpacks a zip with nothing but Node: the fallback runtime comes as one, and neither `unzip` nor a package for it
// can be taken for granted on a fresh machine. No zip64, no encryption: the one archive it is for has neither.
import { closeSync, mkdirSync, openSync, readSync, fstatSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, resolve, sep } from 'node:path'
import { inflateRawSync } from 'node:zlib'

const END_OF_DIRECTORY = 0x06054b50
const DIRECTORY_ENTRY = 0x02014b50
const LOCAL_HEADER_BYTES = 30
const LONGEST_COMMENT = 0xffff
const FILE_TYPE = 0o170000
const SYMLINK = 0o120000

/**
 * Unpacks `zipPath` into `targetDir`. `rename(name)` gives each entry's path below the target, or undefined to leave
 * the entry out. Unix modes and symbolic links are kept.
 */
export function unzip(zipPath, targetDir, rename = (name) => name) {
  const root = resolve(targetDir)
  const file = openSync(zipPath, 'r')
  try {
    for (const entry of readDirectory(file)) {
      const name = rename(entry.name)
      if (name === undefined) continue
      const path = resolve(root, name)
      if (path !== root && !path.startsWith(root + sep)) throw new Error(`zip entry outside of its folder: ${entry.name}`)
      if (entry.name.endsWith('/')) {
        mkdirSync(path, { recursive: true })
        continue
      }
      mkdirSync(dirname(path), { recursive: true })
      const content = readEntry(file, entry)
      if ((entry.mode & FILE_TYPE) === SYMLINK) symlinkSync(content.toString(), path)
      else writeFileSync(path, content, { mode: entry.mode & 0o777 || 0o644 })
    }
  } finally {
    closeSync(file)
  }
}

function readDirectory(file) {
  const sizeBytes = fstatSync(file).size
  const tail = readAt(file, Math.max(0, sizeBytes - LONGEST_COMMENT - 22), Math.min(sizeBytes, LONGEST_COMMENT + 22))
  let end = tail.length - 22
  while (end >= 0 && tail.readUInt32LE(end) !== END_OF_DIRECTORY) end -= 1
  if (end < 0) throw new Error('not a zip file')
  const count = tail.readUInt16LE(end + 10)
  const directory = readAt(file, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12))

  const entries = []
  let at = 0
  for (let index = 0; index < count; index += 1) {
    if (directory.readUInt32LE(at) !== DIRECTORY_ENTRY) throw new Error('the zip directory is damaged')
    const nameLength = directory.readUInt16LE(at + 28)
    entries.push({
      method: directory.readUInt16LE(at + 10),
      packedBytes: directory.readUInt32LE(at + 20),
      sizeBytes: directory.readUInt32LE(at + 24),
      mode: directory.readUInt32LE(at + 38) >>> 16,
      headerAt: directory.readUInt32LE(at + 42),
      name: directory.toString('utf8', at + 46, at + 46 + nameLength),
    })
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return entries
}

function readEntry(file, entry) {
  // The local header repeats the name with an extra field of its own length.
  const header = readAt(file, entry.headerAt, LOCAL_HEADER_BYTES)
  const dataAt = entry.headerAt + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28)
  const packed = readAt(file, dataAt, entry.packedBytes)
  if (entry.method !== 0 && entry.method !== 8) throw new Error(`unknown zip method ${entry.method}: ${entry.name}`)
  const content = entry.method === 0 ? packed : inflateRawSync(packed)
  if (content.length !== entry.sizeBytes) throw new Error(`zip entry of the wrong length: ${entry.name}`)
  return content
}

function readAt(file, position, length) {
  const buffer = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const count = readSync(file, buffer, filled, length - filled, position + filled)
    if (count === 0) throw new Error('the zip file ends too early')
    filled += count
  }
  return buffer
}
