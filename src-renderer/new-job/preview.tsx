// A picked file in its viewer: a still, playable in place. What the window has no decoder for gets a drawn placeholder.
import { IconEyeOff, IconMovie, IconPlayerPauseFilled, IconPlayerPlayFilled, IconWaveSine } from '@tabler/icons-react'
import { Slider, UnstyledButton } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import type { PickedFile } from '../../src-shared/bridge-contract'
import { useSpeech } from '../use-speech'
import classes from './preview.module.css'

export function Preview({ file }: { readonly file: PickedFile }) {
  const { words, format } = useSpeech()
  const media = useRef<HTMLVideoElement>(null)
  const [state, setState] = useState<'loading' | 'ready' | 'failed'>(file.mediaUrl === null ? 'failed' : 'loading')
  const [playing, setPlaying] = useState(false)
  const [at, setAt] = useState(0)
  const [length, setLength] = useState(file.media?.durationSec ?? 0)
  const isVideo = file.role === 'video'

  // Leaving the screen keeps the element; it must not go on speaking.
  useEffect(() => {
    const element = media.current
    return () => element?.pause()
  }, [])

  const toggle = (): void => {
    const element = media.current
    if (!element) return
    if (element.paused) void element.play().catch(() => setState('failed'))
    else element.pause()
  }

  return (
    <div className={classes.viewer} data-state={state} data-role={file.role}>
      {file.mediaUrl !== null && state !== 'failed' && (
        <video
          ref={media}
          className={classes.media}
          // The fragment gives the still; playing starts at the beginning (below).
          src={isVideo ? `${file.mediaUrl}#t=0.5` : file.mediaUrl}
          preload="metadata"
          playsInline
          tabIndex={-1}
          disablePictureInPicture
          onClick={toggle}
          onLoadedMetadata={(event) => {
            if (Number.isFinite(event.currentTarget.duration)) setLength(event.currentTarget.duration)
          }}
          onLoadedData={(event) => setState(isVideo && event.currentTarget.videoWidth === 0 ? 'failed' : 'ready')}
          onError={() => setState('failed')}
          onPlay={(event) => {
            setPlaying(true)
            if (isVideo && at === 0) event.currentTarget.currentTime = 0
          }}
          onPause={() => setPlaying(false)}
          onTimeUpdate={(event) => {
            if (!event.currentTarget.paused) setAt(event.currentTarget.currentTime)
          }}
          onEnded={() => setAt(0)}
        />
      )}
      {!isVideo && state !== 'failed' && (
        <div className={classes.voice} data-playing={playing || undefined} aria-hidden>
          <IconWaveSine size={44} stroke={1.2} />
          <span>{format.clock(at > 0 ? at : length)}</span>
        </div>
      )}
      {state === 'failed' && (
        <div className={classes.placeholder}>
          {isVideo ? <IconMovie size={34} stroke={1.2} aria-hidden /> : <IconEyeOff size={30} stroke={1.2} aria-hidden />}
          <span>{words.newJob.noPreview}</span>
          {file.verdict.kind !== 'cannot' && <small>{words.newJob.noPreviewHint}</small>}
        </div>
      )}
      {state === 'ready' && (
        <div className={classes.controls}>
          <UnstyledButton className={classes.play} onClick={toggle} aria-label={playing ? words.newJob.pause : words.newJob.play}>
            {playing ? <IconPlayerPauseFilled size={16} /> : <IconPlayerPlayFilled size={16} />}
          </UnstyledButton>
          <Slider
            className={classes.seek}
            size={3}
            thumbSize={11}
            min={0}
            max={Math.max(length, 0.1)}
            step={0.1}
            value={at}
            label={null}
            thumbLabel={words.newJob.seek}
            onChange={(value) => {
              setAt(value)
              if (media.current) media.current.currentTime = value
            }}
          />
          <span className={classes.time}>
            {format.clock(at)} / {format.clock(length)}
          </span>
        </div>
      )}
    </div>
  )
}
