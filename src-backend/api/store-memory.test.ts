import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '../log'
import { MemoryTaskStore } from './store-memory'
import { describeTaskStore } from './store-suite'

describeTaskStore('MemoryTaskStore', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'store-memory-'))
  return {
    open: () => MemoryTaskStore.open(dir, createLog(() => undefined)),
    remove: () => rm(dir, { recursive: true }),
  }
})
