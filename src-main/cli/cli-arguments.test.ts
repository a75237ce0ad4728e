import { describe, expect, it } from 'vitest'
import { cliWords } from '../../src-shared/words/cli'
import { parseCommand, UsageProblem, type Command } from './cli-arguments'

const words = cliWords.en
const parse = (...args: string[]): Command => parseCommand(args, words)
const problem = (args: readonly string[], inWords = words): string => {
  try {
    parseCommand(args, inWords)
  } catch (thrown) {
    if (thrown instanceof UsageProblem) return thrown.message
    throw thrown
  }
  throw new Error('no problem')
}

describe('parseCommand', () => {
  it.each<[string[], Command]>([
    [['submit', '--video', 'v.mp4', '--audio', 'a.wav'], { name: 'submit', video: 'v.mp4', audio: 'a.wav', out: null, api: null, gpu: null, json: false }],
    [
      ['--json', 'submit', '--audio=a.wav', '--out', 'o', '--video', 'v.mp4', '--gpu', 'http://g', '--api', 'http://a'],
      { name: 'submit', video: 'v.mp4', audio: 'a.wav', out: 'o', api: 'http://a', gpu: 'http://g', json: true },
    ],
    [['list'], { name: 'list', json: false }],
    [['list', '--json'], { name: 'list', json: true }],
    [['show', 'abc'], { name: 'show', id: 'abc', json: false }],
    [['retry', 'abc', '--json'], { name: 'retry', id: 'abc', json: true }],
    [['cancel', 'abc'], { name: 'cancel', id: 'abc', json: false }],
    [['help'], { name: 'help' }],
    [[], { name: 'help' }],
    [['submit', '--help'], { name: 'help' }],
    [['-h'], { name: 'help' }],
    [['--version'], { name: 'version' }],
    [['-v'], { name: 'version' }],
  ])('reads %j', (args, command) => {
    expect(parse(...args)).toEqual(command)
  })

  it.each([
    [['dance'], '“dance”'],
    [['submit'], '--video'],
    [['submit', '--video', 'v.mp4'], '--audio'],
    [['submit', '--video', '', '--audio', 'a.wav'], '--video'],
    [['submit', '--video', 'v.mp4', '--audio', 'a.wav', 'more'], 'more'],
    [['show'], 'ID'],
    [['show', 'a', 'b'], 'b'],
    [['list', 'all'], 'all'],
    [['list', '--fast'], '--fast'],
    [['list', '-x'], '-x'],
    [['submit', '--video'], '--video'],
    [['list', '--json=yes'], '--json'],
  ])('says what does not fit in %j', (args, what) => {
    const said = problem(args)
    expect(said).toContain(what)
    expect(said).toContain('lipsync-desk help')
  })

  it.each(['--license', '--license-key', '--licence', '--key', '--secret', '--token', '--api-secret', '--gpu-secret', '--LICENSE-KEY', '-key'])('refuses a secret in %s, and does not repeat it', (option) => {
    for (const args of [['submit', option, 'HIDDEN-1234'], ['submit', `${option}=HIDDEN-1234`], ['list', option]]) {
      const said = problem(args)
      expect(said).toBe(words.secretInArguments)
      expect(said).not.toContain('HIDDEN')
    }
  })

  it('says it in the language it was given', () => {
    expect(problem(['dance'], cliWords['zh-CN'])).toMatch(/没有“dance”这个命令/)
  })
})
