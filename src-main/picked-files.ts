// The files a person picked: paths stay here, the renderer holds tokens. Reads each file once and judges it.
import { randomUUID } from 'node:crypto'
import { basename, extname } from 'node:path'
import type { FileRole, FileWarning, PickedFile } from '../src-shared/bridge-contract'
import { DeskError, toDeskError } from '../src-shared/errors'
import type { InputFile, MediaFacts } from '../src-shared/job'
import { readFacts, readInput, statFile } from './submitter/media-probe'

export interface PickedFiles {
  /** Reads the file; a file that cannot be used is answered too, with the reason. Role null: found out by reading. */
  readonly take: (path: string, role: FileRole | null) => Promise<PickedFile>
  /** The file as an input of a job; throws its verdict's error, or file_missing for a token nobody knows. */
  readonly input: (token: string, role: FileRole) => InputFile
  readonly pathOf: (token: string) => string | null
  readonly release: (token: string) => void
}

/** Files the window can show; others are fine for the server. */
const playableCodecs = new Set(['avc', 'vp8', 'vp9', 'av1', 'aac', 'mp3', 'opus', 'vorbis', 'flac', 'pcm-s16', 'pcm-u8', 'pcm-s24', 'pcm-f32'])
const veryLongSec = 30 * 60
/** A window that never lets go of its files must not fill the memory. */
const maxKept = 500

export function createPickedFiles(mediaUrlOf: (token: string) => string): PickedFiles {
  const kept = new Map<string, { readonly path: string; readonly role: FileRole; readonly outcome: InputFile | DeskError }>()

  return {
    async take(path, wantedRole) {
      const token = randomUUID()
      const role = wantedRole ?? (await guessRole(path))
      const name = basename(path)
      const outcome = await readInput(path, role).catch(toDeskError)
      kept.set(token, { path, role, outcome })
      const [oldest] = kept.keys()
      if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest)
      if (outcome instanceof DeskError) {
        const sizeBytes = await statFile(path).then((found) => found.sizeBytes, () => 0)
        return { token, role, name, sizeBytes, media: null, mediaUrl: null, verdict: { kind: 'cannot', error: outcome.toData() } }
      }
      const warnings = warningsOf(outcome.media, role)
      return {
        token,
        role,
        name,
        sizeBytes: outcome.sizeBytes,
        media: outcome.media,
        mediaUrl: mediaUrlOf(token),
        verdict: warnings.length === 0 ? { kind: 'fine' } : { kind: 'warn', warnings },
      }
    },
    input: (token, role) => {
      const file = kept.get(token)
      if (file === undefined) throw new DeskError('file_missing')
      if (file.outcome instanceof DeskError) throw file.outcome
      if (file.role !== role) throw new DeskError(role === 'video' ? 'file_no_video' : 'file_no_audio', { file: file.outcome.name })
      return file.outcome
    },
    pathOf: (token) => kept.get(token)?.path ?? null,
    release: (token) => void kept.delete(token),
  }
}

function warningsOf(media: MediaFacts | null, role: FileRole): FileWarning[] {
  if (media === null) return ['unreadable_here']
  const codec = role === 'video' ? media.video?.codec : media.audio?.codec
  return [
    ...(role === 'audio' && media.video !== null ? (['audio_from_video'] as const) : []),
    ...(codec !== undefined && !playableCodecs.has(codec) ? (['codec_not_previewed'] as const) : []),
    ...((media.durationSec ?? 0) > veryLongSec ? (['very_long'] as const) : []),
  ]
}

/** A dropped file goes where its content belongs; one that cannot be read goes where its name says. */
async function guessRole(path: string): Promise<FileRole> {
  const facts = await readFacts(path).catch(() => null)
  if (facts !== null) return facts.video === null ? 'audio' : 'video'
  return /^\.(wav|mp3|m4a|aac|flac|ogg|opus|wma|amr|aiff?|caf)$/i.test(extname(path)) ? 'audio' : 'video'
}
