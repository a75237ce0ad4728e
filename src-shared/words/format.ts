// Numbers, sizes, times and their units as people of each language write them. Intl only, no DOM: the window, the
// command line and notifications say the same.
import type { Progress } from '../job'
import type { Language } from './errors'

const units = ['B', 'KB', 'MB', 'GB', 'TB'] as const

const spanWords = {
  'zh-CN': { h: '小时', min: '分', s: '秒', lessThanSecond: '不到 1 秒' },
  en: { h: 'h', min: 'min', s: 's', lessThanSecond: 'under 1 s' },
} as const satisfies Record<Language, unknown>

const progressWords = {
  'zh-CN': { frames: '帧', perSecond: '帧/秒', left: (span: string) => `剩余 ${span}`, leftAbout: (span: string) => `剩余约 ${span}` },
  en: { frames: 'frames', perSecond: 'fps', left: (span: string) => `${span} left`, leftAbout: (span: string) => `about ${span} left` },
} as const satisfies Record<Language, unknown>

const dayWords = {
  'zh-CN': { today: '今天', yesterday: '昨天' },
  en: { today: 'Today', yesterday: 'Yesterday' },
} as const satisfies Record<Language, unknown>

/** Short names of codecs as people know them; what is not here is shown as it comes. */
const codecNames: Readonly<Record<string, string>> = {
  avc: 'H.264',
  h264: 'H.264',
  hevc: 'H.265',
  h265: 'H.265',
  av1: 'AV1',
  vp8: 'VP8',
  vp9: 'VP9',
  prores: 'ProRes',
  mpeg4: 'MPEG-4',
  aac: 'AAC',
  mp3: 'MP3',
  opus: 'Opus',
  vorbis: 'Vorbis',
  flac: 'FLAC',
  alac: 'ALAC',
  ac3: 'AC-3',
  eac3: 'E-AC-3',
}

export function codecName(codec: string): string {
  const known = codecNames[codec.toLowerCase()]
  if (known) return known
  return /^(pcm|ulaw|alaw)/i.test(codec) ? 'PCM' : codec.toUpperCase()
}

/** 1 for whole, floored so that nothing says 100 % before its end. */
const shareOf = (done: number, total: number): number => {
  const share = Math.min(1, Math.max(0, done / total))
  return share === 1 ? 1 : Math.floor(share * 100) / 100
}

function unitOf(bytes: number): number {
  let power = 0
  // 999.5 would be written with four digits.
  while (power < units.length - 1 && bytes / 1024 ** power >= 999.5) power += 1
  return power
}

const pad = (value: number): string => String(value).padStart(2, '0')

export function createFormat(language: Language) {
  const counts = new Intl.NumberFormat(language, { maximumFractionDigits: 0 })
  const percents = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 })
  const rates = new Intl.NumberFormat(language, { maximumFractionDigits: 2 })
  const time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  const timeWithSeconds = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
  const dayOfYear = new Intl.DateTimeFormat(language, { month: 'short', day: 'numeric' })
  const fullDay = new Intl.DateTimeFormat(language, { year: 'numeric', month: 'short', day: 'numeric' })
  const words = spanWords[language]
  const progressWord = progressWords[language]

  const scaled = (value: number, power: number): string => {
    const number = value / 1024 ** power
    const digits = power === 0 || number >= 100 ? 0 : number >= 10 ? 1 : 2
    return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(number)
  }

  const bytes = (value: number): string => {
    const power = unitOf(value)
    return `${scaled(value, power)} ${units[power]}`
  }

  /** Parts that are zero at the end are left out: 2 h, not 2 h 0 min. */
  const span = (seconds: number): string => {
    const whole = Math.round(seconds)
    if (whole < 1) return words.lessThanSecond
    const h = Math.floor(whole / 3600)
    const min = Math.floor((whole % 3600) / 60)
    const s = whole % 60
    const parts = h > 0 ? [[h, words.h], [min, words.min]] : [[min, words.min], [s, words.s]]
    return parts
      .filter(([value]) => value !== 0)
      .map(([value, unit]) => `${value} ${unit}`)
      .join(' ')
  }

  return {
    count: (value: number): string => counts.format(value),
    bytes,
    /** Both in the unit of the whole, so that only the digits move. */
    bytesOf: (done: number, total: number): string => {
      const power = unitOf(total)
      return `${scaled(done, power)} / ${scaled(total, power)} ${units[power]}`
    },
    speed: (bytesPerSecond: number): string => `${bytes(bytesPerSecond)}/s`,
    percent: (done: number, total: number): string => percents.format(shareOf(done, total)),
    span,
    /** 1:05, 12:30, 1:02:03. */
    clock: (seconds: number): string => {
      const whole = Math.max(0, Math.round(seconds))
      const h = Math.floor(whole / 3600)
      const min = Math.floor((whole % 3600) / 60)
      return h > 0 ? `${h}:${pad(min)}:${pad(whole % 60)}` : `${min}:${pad(whole % 60)}`
    },
    frameRate: (fps: number): string => `${rates.format(fps)} fps`,
    sampleRate: (hz: number): string => `${rates.format(hz / 1000)} kHz`,
    milliseconds: (ms: number): string => (ms < 1000 ? `${counts.format(ms)} ms` : `${rates.format(ms / 1000)} s`),
    timeOfDay: (ms: number): string => timeWithSeconds.format(ms),
    /** Today and yesterday by name, this year without the year. */
    moment: (ms: number, nowMs: number): string => {
      const at = new Date(ms)
      const now = new Date(nowMs)
      const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1)
      if (at.toDateString() === now.toDateString()) return `${dayWords[language].today} ${time.format(at)}`
      if (at.toDateString() === yesterday.toDateString()) return `${dayWords[language].yesterday} ${time.format(at)}`
      return at.getFullYear() === now.getFullYear() ? `${dayOfYear.format(at)} ${time.format(at)}` : fullDay.format(at)
    },
    /** How much is done, in the unit it is counted in; null where only a share is known. */
    amount: ({ unit, done, total }: Progress): string | null => {
      if (unit === 'percent') return null
      if (unit === 'frames') return `${counts.format(Math.floor(done))} / ${counts.format(total)} ${progressWord.frames}`
      const power = unitOf(total)
      return `${scaled(done, power)} / ${scaled(total, power)} ${units[power]}`
    },
    rate: ({ unit, perSecond }: Progress): string | null => {
      if (perSecond === null || unit === 'percent') return null
      if (unit === 'bytes') return `${bytes(perSecond)}/s`
      return `${rates.format(perSecond < 10 ? perSecond : Math.round(perSecond))} ${progressWord.perSecond}`
    },
    /** Coarser the longer it is, so that it does not flicker. */
    timeLeft: ({ secondsLeft, estimated }: Progress): string | null => {
      if (secondsLeft === null) return null
      const step = secondsLeft < 20 ? 1 : secondsLeft < 120 ? 5 : secondsLeft < 600 ? 10 : 60
      const rounded = span(Math.ceil(secondsLeft / step) * step)
      return estimated ? progressWord.leftAbout(rounded) : progressWord.left(rounded)
    },
  }
}

export type Format = ReturnType<typeof createFormat>
