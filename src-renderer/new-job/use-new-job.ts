// The job being put together: one slot a role. Lives in the shell, so that a file dropped on any screen finds it and
// leaving the screen loses nothing.
import { notifications } from '@mantine/notifications'
import { useCallback, useMemo, useRef, useState } from 'react'
import type { FileRole, JobView, PickedFile } from '../../src-shared/bridge-contract'
import { useCall } from '../use-call'
import { useWords } from '../use-speech'

export type Slot =
  | { readonly kind: 'empty' }
  | { readonly kind: 'reading'; readonly name: string }
  | { readonly kind: 'ready'; readonly file: PickedFile }

export interface NewJob {
  readonly slots: Readonly<Record<FileRole, Slot>>
  readonly keepVideo: boolean
  readonly starting: boolean
  readonly setKeepVideo: (keep: boolean) => void
  readonly pick: (role: FileRole) => Promise<void>
  /** A null role lets each file's content decide. */
  readonly takeDropped: (files: readonly File[], role: FileRole | null) => Promise<void>
  readonly takeSamples: () => Promise<void>
  readonly remove: (role: FileRole) => void
  /** Undefined when it could not be started. */
  readonly start: () => Promise<JobView | undefined>
}

const empty: Slot = { kind: 'empty' }

/** Where to show "reading" before the content has decided. */
const likelyRole = (file: File): FileRole => (file.type.startsWith('audio/') ? 'audio' : 'video')

export function useNewJob(): NewJob {
  const call = useCall()
  const words = useWords()
  const [slots, setSlots] = useState<NewJob['slots']>({ video: empty, audio: empty })
  const [keepVideo, setKeepVideo] = useState(false)
  const [starting, setStarting] = useState(false)
  // What the slots hold now, for replies that come later than the next render.
  const held = useRef(slots)

  const show = useCallback((role: FileRole, slot: Slot): void => {
    held.current = { ...held.current, [role]: slot }
    setSlots(held.current)
  }, [])

  const release = useCallback(
    (slot: Slot): void => {
      if (slot.kind === 'ready') void call((desk) => desk.releaseFile(slot.file.token))
    },
    [call],
  )

  const put = useCallback(
    (role: FileRole, slot: Slot): void => {
      release(held.current[role])
      show(role, slot)
    },
    [release, show],
  )

  /** Reads a dropped file; until its content has said where it belongs, what the slot held is only covered. */
  const read = useCallback(
    async (dropped: File, role: FileRole | null, cover: FileRole): Promise<PickedFile | undefined> => {
      const covered = held.current[cover]
      const reading: Slot = { kind: 'reading', name: dropped.name }
      show(cover, reading)
      const file = await call((desk) => desk.takeDroppedFile(dropped, role))
      if (held.current[cover] === reading) show(cover, covered)
      else release(covered)
      return file
    },
    [call, release, show],
  )

  const pick = useCallback(
    async (role: FileRole): Promise<void> => {
      const file = await call((desk) => desk.pickFile(role))
      if (file) put(file.role, { kind: 'ready', file })
    },
    [call, put],
  )

  const takeDropped = useCallback(
    async (files: readonly File[], role: FileRole | null): Promise<void> => {
      const filled = new Set<FileRole>()
      let left = 0
      for (const [index, dropped] of files.entries()) {
        if (filled.size === 2 || (role !== null && index > 0)) {
          left += 1
          continue
        }
        const file = await read(dropped, role, role ?? likelyRole(dropped))
        if (!file) continue
        if (filled.has(file.role)) {
          left += 1
          release({ kind: 'ready', file })
          continue
        }
        filled.add(file.role)
        put(file.role, { kind: 'ready', file })
      }
      if (left > 0) notifications.show({ message: words.drop.oneAtATime, color: 'yellow' })
    },
    [put, read, release, words],
  )

  const takeSamples = useCallback(async (): Promise<void> => {
    const samples = await call((desk) => desk.pickSamples())
    if (!samples) return
    put('video', { kind: 'ready', file: samples.video })
    put('audio', { kind: 'ready', file: samples.audio })
  }, [call, put])

  const remove = useCallback((role: FileRole): void => put(role, empty), [put])

  const start = useCallback(async (): Promise<JobView | undefined> => {
    const { video, audio } = held.current
    if (video.kind !== 'ready' || audio.kind !== 'ready') return undefined
    setStarting(true)
    const job = await call((desk) => desk.addJob({ videoToken: video.file.token, audioToken: audio.file.token }))
    setStarting(false)
    if (!job) return undefined
    put('audio', empty)
    if (!keepVideo) put('video', empty)
    return job
  }, [call, keepVideo, put])

  return useMemo(
    () => ({ slots, keepVideo, starting, setKeepVideo, pick, takeDropped, takeSamples, remove, start }),
    [slots, keepVideo, starting, pick, takeDropped, takeSamples, remove, start],
  )
}
