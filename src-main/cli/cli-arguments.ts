// The command line as data. What does not fit is a UsageProblem with the words for it.
import { parseArgs } from 'node:util'
import { assertNever } from '../../src-shared/errors'
import type { CliWords } from '../../src-shared/words/cli'

export type Command =
  | { readonly name: 'submit'; readonly video: string; readonly audio: string; readonly out: string | null; readonly api: string | null; readonly gpu: string | null; readonly json: boolean }
  | { readonly name: 'list'; readonly json: boolean }
  | { readonly name: 'show' | 'retry' | 'cancel'; readonly id: string; readonly json: boolean }
  | { readonly name: 'help' }
  | { readonly name: 'version' }

export class UsageProblem extends Error {
  override readonly name = 'UsageProblem'
}

const options = {
  video: { type: 'string' },
  audio: { type: 'string' },
  out: { type: 'string' },
  api: { type: 'string' },
  gpu: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

const commandNames = ['submit', 'list', 'show', 'retry', 'cancel'] as const
const isCommandName = (name: string): name is (typeof commandNames)[number] => commandNames.some((known) => known === name)

export function parseCommand(args: readonly string[], words: CliWords): Command {
  // Refused by name: a key in the arguments can be seen by every program on the machine.
  if (args.some((arg) => /^--?(license|licence|key|secret|token|api-secret|gpu-secret|license-key)(=|$)/i.test(arg))) throw new UsageProblem(words.secretInArguments)
  const { values, positionals } = parse(args, words)
  const [name, ...rest] = positionals
  if (values.version === true) return { name: 'version' }
  if (values.help === true || name === undefined || name === 'help') return { name: 'help' }
  if (!isCommandName(name)) throw new UsageProblem(words.badUsage(words.unknownCommand(name)))
  const json = values.json === true
  const extra = (allowed: number): void => {
    const unexpected = rest[allowed]
    if (unexpected !== undefined) throw new UsageProblem(words.badUsage(words.unexpectedArgument(unexpected)))
  }
  switch (name) {
    case 'submit':
      extra(0)
      return {
        name,
        video: required(values.video, '--video', words),
        audio: required(values.audio, '--audio', words),
        out: values.out ?? null,
        api: values.api ?? null,
        gpu: values.gpu ?? null,
        json,
      }
    case 'list':
      extra(0)
      return { name, json }
    case 'show':
    case 'retry':
    case 'cancel':
      extra(1)
      return { name, id: required(rest[0], 'ID', words), json }
    default:
      return assertNever(name)
  }
}

function parse(args: readonly string[], words: CliWords) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : ''
    const option = /'(-[^' ]*)/.exec(text)?.[1] ?? ''
    throw new UsageProblem(words.badUsage(words.unexpectedArgument(option)))
  }
}

function required(value: string | undefined, name: string, words: CliWords): string {
  if (value === undefined || value === '') throw new UsageProblem(words.badUsage(words.missingOption(name)))
  return value
}
