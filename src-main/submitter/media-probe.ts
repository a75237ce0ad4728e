// What a file is, read here and now: containers and tracks by mediabunny, which needs no ffmpeg on the person's machine.
// Judges picked files and finished results; every failure is a typed error about the file.
import { open, stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { ALL_FORMATS, FilePathSource, Input, type InputAudioTrack, type InputVideoTrack } from 'mediabunny'
import { DeskError } from '../../src-shared/errors'
import type { InputFile, MediaFacts } from '../../src-shared/job'

type Role = 'video' | 'audio'

/** The file's size and time; typed errors for what is no readable, non-empty file. */
export async function statFile(path: string): Promise<{ sizeBytes: number; mtimeMs: number }> {
  const file = basename(path)
  try {
    const found = await stat(path)
    if (found.isDirectory()) throw new DeskError('file_is_directory', { file })
    if (!found.isFile()) throw new DeskError('file_unreadable', { file })
    if (found.size === 0) throw new DeskError('file_empty', { file })
    return { sizeBytes: found.size, mtimeMs: found.mtimeMs }
  } catch (thrown) {
    throw fileError(thrown, file)
  }
}

/** A system error about a file the person gave, as a typed one. */
export function fileError(thrown: unknown, file: string): DeskError {
  if (thrown instanceof DeskError) return thrown
  const code = (thrown as NodeJS.ErrnoException | null)?.code
  if (code === 'ENOENT' || code === 'ENOTDIR') return new DeskError('file_missing', { file }, thrown)
  if (code === 'EISDIR') return new DeskError('file_is_directory', { file }, thrown)
  return new DeskError('file_unreadable', { file }, thrown)
}

/** A picked file, read and judged for its role. Throws the reason why it cannot be used. */
export async function readInput(path: string, role: Role): Promise<InputFile> {
  const { sizeBytes, mtimeMs } = await statFile(path)
  const name = basename(path)
  const media = await readFacts(path)
  if (media !== null) {
    if (media.video === null && media.audio === null) throw new DeskError('file_not_media', { file: name })
    if (role === 'video' && media.video === null) throw new DeskError('file_no_video', { file: name })
    if (role === 'audio' && media.audio === null) throw new DeskError('file_no_audio', { file: name })
  }
  // The deployed server compares extensions as raw text: `.MP4` and `.mp4` would be two files there.
  const ext = extname(name).toLowerCase()
  return { path, name, ext: /^\.[a-z0-9]{1,8}$/.test(ext) ? ext : defaultExt[role], sizeBytes, mtimeMs, media, md5: null }
}

const defaultExt = { video: '.mp4', audio: '.wav' } as const

/**
 * Facts of a media file; null where the container is known by its first bytes but only the server can read it (AVI, FLV,
 * WMV…). Throws file_not_media for everything else.
 */
export async function readFacts(path: string): Promise<MediaFacts | null> {
  const file = basename(path)
  const head = await readHead(path)
  if (isServerOnly(head)) return null
  const input = new Input({ source: new FilePathSource(path), formats: ALL_FORMATS })
  try {
    const format = await input.getFormat()
    const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()]
    if (video === null && audio === null) throw new DeskError('file_not_media', { file })
    return {
      container: format.name,
      durationSec: await durationOf(input, audio ?? video),
      video: video === null ? null : await videoFacts(video),
      audio: audio === null ? null : audioFacts(audio),
    }
  } catch (thrown) {
    if (thrown instanceof DeskError) throw thrown
    if ((thrown as NodeJS.ErrnoException | null)?.code !== undefined) throw fileError(thrown, file)
    throw new DeskError('file_not_media', { file }, thrown)
  } finally {
    input.dispose()
  }
}

async function videoFacts(track: InputVideoTrack): Promise<NonNullable<MediaFacts['video']>> {
  // A second's worth of packets tells the frame rate; reading all of a 4 GB file would not be quick.
  const { averagePacketRate } = await track.computePacketStats(60)
  return {
    codec: track.codec ?? String(track.internalCodecId ?? 'unknown'),
    width: track.displayWidth,
    height: track.displayHeight,
    fps: Number.isFinite(averagePacketRate) ? Math.round(averagePacketRate * 100) / 100 : null,
  }
}

const audioFacts = (track: InputAudioTrack): NonNullable<MediaFacts['audio']> => ({
  codec: track.codec ?? String(track.internalCodecId ?? 'unknown'),
  sampleRateHz: track.sampleRate,
  channels: track.numberOfChannels,
})

/** Some containers (transport streams) do not start at zero: what counts is from the first to the last moment. */
async function durationOf(input: Input, track: InputAudioTrack | InputVideoTrack | null): Promise<number | null> {
  const endSec = await input.computeDuration()
  const startSec = track === null ? 0 : await track.getFirstTimestamp()
  const durationSec = endSec - Math.max(0, startSec)
  return Number.isFinite(durationSec) && durationSec > 0 ? durationSec : null
}

async function readHead(path: string): Promise<Buffer> {
  try {
    const handle = await open(path, 'r')
    try {
      const head = Buffer.alloc(16)
      const { bytesRead } = await handle.read(head, 0, 16, 0)
      return head.subarray(0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (thrown) {
    throw fileError(thrown, basename(path))
  }
}

/** Containers that ffmpeg on the server reads and mediabunny does not, by their published signatures. */
function isServerOnly(head: Buffer): boolean {
  const ascii = head.toString('latin1')
  return (
    (ascii.startsWith('RIFF') && ascii.slice(8, 12) === 'AVI ') ||
    ascii.startsWith('FLV\x01') ||
    (ascii.startsWith('FORM') && /^AIF[FC]/.test(ascii.slice(8, 12))) ||
    ascii.startsWith('caff') ||
    ascii.startsWith('#!AMR') ||
    ascii.startsWith('.RMF') ||
    head.subarray(0, 4).equals(Buffer.from([0x30, 0x26, 0xb2, 0x75])) || // ASF: WMV and WMA
    head.subarray(0, 4).equals(Buffer.from([0x00, 0x00, 0x01, 0xba])) // MPEG program stream
  )
}
