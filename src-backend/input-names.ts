// Names of input files as clients send them, made safe: what these functions return may become part of a path (quirk 25).
import { md5Schema, mediaExtensions } from '../src-shared/gpu-contract'

const extensions: ReadonlySet<string> = new Set(mediaExtensions)

/** Lower-cased and trusted from here on, undefined when it is not an MD5. */
export function normaliseHash(hash: string): string | undefined {
  const parsed = md5Schema.safeParse(hash.trim().toLowerCase())
  return parsed.success ? parsed.data : undefined
}

/** Lower-cased and from the list, undefined when it is not. */
export function normaliseExt(ext: string): string | undefined {
  const lower = ext.trim().toLowerCase()
  return extensions.has(lower) ? lower : undefined
}
