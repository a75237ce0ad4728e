// A still of a video, taken from its first half second by the window itself; where it cannot, a drawn placeholder.
import { IconMovie } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import classes from './poster.module.css'

/** Long enough that rows flying by while scrolling open no files. */
const settleMs = 120

export function Poster({ mediaUrl }: { readonly mediaUrl: string | null }) {
  const box = useRef<HTMLDivElement>(null)
  const inView = useSettledInView(box)
  const [shown, setShown] = useState<{ readonly url: string; readonly good: boolean } | null>(null)
  const good = shown?.url === mediaUrl ? shown.good : null
  return (
    <div className={classes.poster} ref={box} aria-hidden>
      {!(good === true && inView) && <IconMovie size={20} stroke={1.3} className={classes.icon} />}
      {mediaUrl !== null && inView && good !== false && (
        <video
          className={classes.video}
          data-ready={good === true || undefined}
          src={`${mediaUrl}#t=0.5`}
          preload="metadata"
          muted
          playsInline
          tabIndex={-1}
          disablePictureInPicture
          // A codec without a decoder still loads, as a video without a picture.
          onLoadedData={({ currentTarget: video }) => {
            if (video.videoWidth === 0) setShown({ url: mediaUrl, good: false })
            else if (!video.seeking) setShown({ url: mediaUrl, good: true })
          }}
          // The frame at half a second is there; the first one of many videos is black.
          onSeeked={() => setShown({ url: mediaUrl, good: true })}
          onError={() => setShown({ url: mediaUrl, good: false })}
        />
      )}
    </div>
  )
}

/** A window may hold only a few dozen players at once, so only what is looked at has one. */
function useSettledInView(box: { readonly current: Element | null }): boolean {
  const [inView, setInView] = useState(false)
  useEffect(() => {
    const element = box.current
    if (!element) return undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    const observer = new IntersectionObserver(([entry]) => {
      clearTimeout(timer)
      if (entry?.isIntersecting) timer = setTimeout(() => setInView(true), settleMs)
      else setInView(false)
    })
    observer.observe(element)
    return () => {
      clearTimeout(timer)
      observer.disconnect()
    }
  }, [box])
  return inView
}
