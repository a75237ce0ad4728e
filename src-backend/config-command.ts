// A command in the environment: words separated by spaces, or a JSON array where a word has a space in it. No shell
// reads it.
import { z } from 'zod'

/** Undefined, and a problem noted, when it is not one. */
export function readCommand(name: string, text: string | undefined, problems: string[]): readonly string[] | undefined {
  if (text === undefined) return undefined
  if (!text.trimStart().startsWith('[')) return text.trim().split(/\s+/)
  const words = z.array(z.string()).min(1).safeParse(safeJson(text))
  if (!words.success) problems.push(`${name}: not a JSON array of words`)
  return words.data
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
