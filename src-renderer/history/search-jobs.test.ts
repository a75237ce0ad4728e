import { expect, it } from 'vitest'
import type { JobView } from '../../src-shared/bridge-contract'
import { searchJobs } from './search-jobs'

const job = (id: string, video: string, audio: string): JobView =>
  ({ id, name: `${video} · ${audio}`, video: { name: video }, audio: { name: audio }, state: { kind: 'cancelled' } }) as unknown as JobView

const jobs = new Map([job('1', '主播-小美.MP4', '第一期.wav'), job('2', '主播-小美.MP4', '第二期.wav'), job('3', 'Anna.mov', 'Take １２.mp3')].map((one) => [one.id, one]))
const ids = [...jobs.keys()]

it('finds by any name, whatever the case and the width', () => {
  expect(searchJobs(ids, jobs, '小美')).toEqual(['1', '2'])
  expect(searchJobs(ids, jobs, 'ANNA')).toEqual(['3'])
  expect(searchJobs(ids, jobs, 'take 12')).toEqual(['3'])
})

it('wants every word', () => expect(searchJobs(ids, jobs, ' 小美  第二期 ')).toEqual(['2']))

it('leaves the list as it is without a text', () => expect(searchJobs(ids, jobs, '  ')).toBe(ids))
