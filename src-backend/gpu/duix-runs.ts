// What must outlive this process of a job that the face2face engine works on: it goes on without us, and it tells how it
// ended only once.
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const runSchema = z.object({
  attempt: z.number().int().positive(),
  /** `ordered`: it may have the job. `answered`: it told how it ended, and has forgotten it. */
  phase: z.enum(['new', 'ordered', 'answered']),
  /** The end as it was told. */
  answer: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('done'), result: z.string() }),
      z.object({ kind: z.literal('failed'), message: z.string() }),
    ])
    .optional(),
  /** Remedies used up by this task. */
  spent: z.array(z.enum(['normalise', 'restart', 'repeat'])),
})
export type DuixRun = Readonly<z.infer<typeof runSchema>>

const firstRun: DuixRun = { attempt: 1, phase: 'new', spent: [] }

export class DuixRuns {
  constructor(private readonly dir: string) {}

  async load(taskId: string): Promise<DuixRun> {
    try {
      return runSchema.parse(JSON.parse(await readFile(this.pathOf(taskId), 'utf8')))
    } catch {
      return firstRun
    }
  }

  /** On disk when it resolves. */
  async save(taskId: string, run: DuixRun): Promise<void> {
    await mkdir(this.dir, { recursive: true })
    const fresh = `${this.pathOf(taskId)}.new`
    const handle = await open(fresh, 'w')
    try {
      await handle.writeFile(JSON.stringify(run))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, this.pathOf(taskId))
  }

  async forget(taskId: string): Promise<void> {
    await rm(this.pathOf(taskId), { force: true })
  }

  private pathOf(taskId: string): string {
    return join(this.dir, `${taskId}.json`)
  }
}
