// The time as state, for what is shown relative to it. Renders must not read the clock themselves.
import { useEffect, useState } from 'react'

/** `everyMs` null: nothing shown moves with the time, and nothing is redrawn for it. */
export function useNowMs(everyMs: number | null): number {
  const [nowMs, setNowMs] = useState(() => Date.now())
  useEffect(() => {
    if (everyMs === null) return undefined
    const timer = setInterval(() => setNowMs(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return nowMs
}
