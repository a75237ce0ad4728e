// The compiler holds the two languages to one shape; this holds them to having said something, in the right language.
import { describe, expect, it } from 'vitest'
import { en } from './en'
import { zhCN } from './zh-CN'

/** Every text by its path; functions are called with their own parameter names' worth of sample values. */
function textsOf(words: object, path = ''): Map<string, string> {
  const texts = new Map<string, string>()
  for (const [key, value] of Object.entries(words) as [string, unknown][]) {
    const at = path === '' ? key : `${path}.${key}`
    if (typeof value === 'string') texts.set(at, value)
    else if (typeof value === 'function') texts.set(at, String((value as (...values: unknown[]) => unknown)(2, 3)))
    else for (const [inner, text] of textsOf(value as object, at)) texts.set(inner, text)
  }
  return texts
}

const chinese = textsOf(zhCN)
const english = textsOf(en)
/** Languages are named in themselves. */
const inTheirOwn = /^settings\.languages\./

describe('words', () => {
  it('have the same keys in both languages', () => expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort()))

  it('are never empty', () => {
    expect([...chinese, ...english].filter(([, text]) => text.trim() === '' || text.includes('undefined'))).toEqual([])
  })

  it('have no Chinese in the English', () => {
    expect([...english].filter(([key, text]) => !inTheirOwn.test(key) && /\p{Script=Han}|[，。：；]/u.test(text))).toEqual([])
  })

  it('are Chinese in the Chinese, but for names and numbers', () => {
    const plain = [...chinese].filter(([key, text]) => !inTheirOwn.test(key) && !/\p{Script=Han}/u.test(text)).map(([key]) => key)
    expect(plain).toEqual([])
  })

  it('use Chinese punctuation in the Chinese', () => {
    expect([...chinese].filter(([, text]) => /\p{Script=Han}[,;:?!]|[,;?!]\p{Script=Han}|\.\.\./u.test(text))).toEqual([])
  })
})
