// The folder that this machine and the face2face engine share (`/code/data` inside its container): inputs as the engine
// can read them, its results, and the ways to name a file to it. Nothing there is a master; everything is removed after.
import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { EngineFailure } from './engine'
import { decodedAudioSeconds, inputUrl, lastLine, probeMedia, quietly, run, steadyAudio, type MediaTools } from './media'

/** How this image of the engine wants a file to be named. */
export const pathStyles = ['bare', 'absolute', 'address'] as const
export type PathStyle = (typeof pathStyles)[number]

const containerTemp = '/code/data/temp'

/** Bare names. */
export interface DuixInputs {
  readonly audio: string
  readonly video: string
}

/** The files as people sent them, and how long the sound is. */
export interface DuixMasters extends DuixInputs {
  readonly audioSeconds: number
}

export const fixtureSeconds = 1.5

/** A result is a few frames short at most; more is another length. */
const durationToleranceSeconds = 1

export function duixTempDir(dataDir: string): string {
  return join(dataDir, 'temp')
}

export class DuixFolder {
  private readonly tempDir: string

  constructor(
    dataDir: string,
    private readonly tools: MediaTools,
    /** Where the engine would fetch the files of tempDir; undefined where nothing serves them. */
    private readonly filesUrl: string | undefined,
    private readonly stableMs: number,
  ) {
    this.tempDir = duixTempDir(dataDir)
  }

  async prepare(): Promise<void> {
    await mkdir(this.tempDir, { recursive: true })
  }

  get styles(): readonly PathStyle[] {
    return this.filesUrl === undefined ? pathStyles.filter((style) => style !== 'address') : pathStyles
  }

  nameFor(style: PathStyle, name: string): string {
    if (style === 'bare') return name
    return style === 'absolute' ? `${containerTemp}/${name}` : `${this.filesUrl ?? ''}/${name}`
  }

  async audioSeconds(audio: string, signal: AbortSignal): Promise<number> {
    const facts = await probeMedia(this.tools, audio, 'audio_unreadable', signal)
    if (!facts.audio) throw new EngineFailure('audio_unreadable', 'the audio file has no audio track')
    return decodedAudioSeconds(this.tools, audio, signal)
  }

  /**
   * Writes the engine's own copies: PCM sound, and an H.264 picture no longer than that. A picture that suits already is
   * copied without loss unless `reencode`.
   */
  async writeInputs(
    code: string,
    masters: DuixMasters,
    reencode: boolean,
    signal: AbortSignal,
  ): Promise<DuixInputs> {
    const { video: track, container } = await probeMedia(this.tools, masters.video, 'video_unreadable', signal)
    if (!track) throw new EngineFailure('video_unreadable', 'the video file has no video track')
    const names = inputNames(code)

    const audioArgs = ['-map', '0:a:0', '-af', steadyAudio, '-c:a', 'pcm_s16le', '-ac', '1', '-ar', '44100']
    await this.make(masters.audio, audioArgs, names.audio, 'audio_unreadable', signal)
    const suits = track.codec === 'h264' && track.pixelFormat === 'yuv420p' && !track.turned && track.steady && container.includes('mp4')
    const encode =
      suits && !reencode
        ? ['-c:v', 'copy']
        : [
            ...['-vf', `fps=${track.frameRate},scale=trunc(iw/2)*2:trunc(ih/2)*2,format=yuv420p`],
            ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '16'],
          ]
    const videoArgs = ['-map', '0:v:0', '-an', '-t', (masters.audioSeconds + 1).toFixed(3), ...encode, '-movflags', '+faststart']
    await this.make(masters.video, videoArgs, names.video, 'video_unreadable', signal)
    return names
  }

  /** A little sound and picture, to see whether the engine finds what it is told of. */
  async writeFixture(code: string, signal: AbortSignal): Promise<DuixInputs> {
    const names = inputNames(code)
    const generated = async (args: readonly string[], name: string): Promise<void> => {
      const end = await run(this.tools.ffmpegPath, [...quietly, '-f', 'lavfi', '-i', ...args, inputUrl(this.pathOf(name))], signal)
      if (end.exitCode !== 0) throw new EngineFailure('engine_disk', `cannot write the engine's inputs: ${lastLine(end.stderr)}`)
    }
    await generated([`sine=f=220:d=${String(fixtureSeconds)}`, '-ac', '1', '-ar', '44100', '-c:a', 'pcm_s16le'], names.audio)
    await generated([`testsrc2=s=256x256:r=25:d=${String(fixtureSeconds)}`, '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'], names.video)
    return names
  }

  /** The finished result of a job, when it lies there, grows no more and can be read. `said` is the engine's own word. */
  async findResult(code: string, said: string, signal: AbortSignal): Promise<string | undefined> {
    // Its slash is noise, and nothing outside the folder is ever looked at.
    const names = new Set([basename(said.replaceAll('\\', '/')), resultName(code)])
    for (const name of names) {
      if (!/^[\w.-]+\.mp4$/.test(name)) continue
      const path = this.pathOf(name)
      const before = await sizeOf(path)
      if (before === 0) continue
      await wait(this.stableMs, undefined, { signal })
      if ((await sizeOf(path)) !== before) continue
      const readable = await probeMedia(this.tools, path, 'engine_failed', signal).catch(() => undefined)
      signal.throwIfAborted()
      if (readable?.video) return path
    }
    return undefined
  }

  /** Checks the result and puts a copy where it belongs: the folder may be on another disk. */
  async deliver(path: string, output: string, audioSeconds: number, signal: AbortSignal): Promise<void> {
    const facts = await probeMedia(this.tools, path, 'engine_failed', signal)
    if (!facts.video || !facts.audio) throw new EngineFailure('engine_failed', 'the result has no picture or no sound')
    const off = Math.abs((facts.durationSeconds ?? 0) - audioSeconds)
    if (off > durationToleranceSeconds) {
      throw new EngineFailure('engine_failed', `the result is ${off.toFixed(2)} s off the audio's length`)
    }
    const part = `${output}.${randomUUID()}.part`
    try {
      await copyFile(path, part)
      const handle = await open(part, 'r+')
      await handle.sync().finally(() => handle.close())
      await rename(part, output)
    } finally {
      await rm(part, { force: true })
    }
  }

  /** The engine removes nothing itself. */
  async clean(code: string): Promise<void> {
    for (const name of [...Object.values(inputNames(code)), resultName(code)]) await rm(this.pathOf(name), { force: true })
  }

  private pathOf(name: string): string {
    return join(this.tempDir, name)
  }

  private async make(
    from: string,
    args: readonly string[],
    name: string,
    failure: 'audio_unreadable' | 'video_unreadable',
    signal: AbortSignal,
  ): Promise<void> {
    const end = await run(this.tools.ffmpegPath, [...quietly, '-i', inputUrl(from), ...args, inputUrl(this.pathOf(name))], signal)
    if (end.exitCode === 0) return
    const code = /No space left/i.test(end.stderr) ? 'engine_disk' : failure
    throw new EngineFailure(code, `the input cannot be prepared: ${lastLine(end.stderr)}`)
  }
}

const inputNames = (code: string) => ({ audio: `${code}-a.wav`, video: `${code}-v.mp4` })
const resultName = (code: string): string => `${code}-r.mp4`

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? found.size : 0
}
