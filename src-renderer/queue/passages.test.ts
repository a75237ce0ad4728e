import { expect, it } from 'vitest'
import type { Progress } from '../../src-shared/job'
import { passagesOf } from './passages'

const progress: Progress = { unit: 'percent', done: 1, total: 100, perSecond: null, secondsLeft: null, estimated: false }

it('times what was passed, counts what goes on, and knows what was not needed', () => {
  const passages = passagesOf({ state: { kind: 'rendering', progress }, stageStartedAtMs: { hashing: 1000, submitting: 4000, waiting: 4500, rendering: 9000 } }, 12_000)
  expect(passages.map(({ stage, state, tookMs }) => [stage, state, tookMs])).toEqual([
    ['hashing', 'passed', 3000],
    ['uploading', 'skipped', null],
    ['submitting', 'passed', 500],
    ['waiting', 'passed', 4500],
    ['rendering', 'now', 3000],
    ['downloading', 'ahead', null],
  ])
})

it('follows a stage that ran again', () => {
  const passages = passagesOf({ state: { kind: 'waiting', position: null }, stageStartedAtMs: { submitting: 1000, rendering: 2000, waiting: 5000 } }, 6000)
  expect(passages.find(({ stage }) => stage === 'rendering')).toMatchObject({ state: 'passed', tookMs: 3000 })
  expect(passages.find(({ stage }) => stage === 'waiting')).toMatchObject({ state: 'now', tookMs: 1000 })
})
