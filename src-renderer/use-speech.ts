// The texts and formats of the chosen language, for every component.
import { createContext, use } from 'react'
import { en } from '../src-shared/words/en'
import { describeError, type ErrorWords, type Language } from '../src-shared/words/errors'
import { createFormat, type Format } from '../src-shared/words/format'
import { zhCN, type Words } from '../src-shared/words/zh-CN'
import type { DeskErrorData } from '../src-shared/errors'

export interface Speech {
  readonly language: Language
  readonly words: Words
  readonly format: Format
  /** `body` is meaning and remedy in one paragraph. */
  readonly describe: (error: DeskErrorData) => ErrorWords & { readonly body: string }
}

const speak = (language: Language, words: Words): Speech => ({
  language,
  words,
  format: createFormat(language),
  describe: (error) => {
    const said = describeError(language, error)
    return { ...said, body: sentences(language, said.meaning, said.todo) }
  },
})

/** A server's own words seldom end like a sentence. */
function sentences(language: Language, first: string, second: string): string {
  const ends = /[。！？.!?]$/.test(first)
  return language === 'zh-CN' ? `${first}${ends ? '' : '。'}${second}` : `${first}${ends ? '' : '.'} ${second}`
}

export const speeches: Readonly<Record<Language, Speech>> = { 'zh-CN': speak('zh-CN', zhCN), en: speak('en', en) }

/** Before the settings are known: what the system asks for. */
export const systemSpeech = (): Speech => speeches[navigator.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en']

export const SpeechContext = createContext<Speech>(speeches['zh-CN'])

export const useSpeech = (): Speech => use(SpeechContext)
export const useWords = (): Words => use(SpeechContext).words
