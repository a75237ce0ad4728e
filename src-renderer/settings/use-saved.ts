// The small "saved" beside a control: on after a save that worked, gone by itself.
import { useEffect, useState } from 'react'

const shownMs = 2500

export function useSaved(): { readonly saved: boolean; readonly tell: () => void } {
  const [savedAtMs, setSavedAtMs] = useState<number | null>(null)
  useEffect(() => {
    if (savedAtMs === null) return undefined
    const timer = setTimeout(() => setSavedAtMs(null), shownMs)
    return () => clearTimeout(timer)
  }, [savedAtMs])
  return { saved: savedAtMs !== null, tell: () => setSavedAtMs(Date.now()) }
}
