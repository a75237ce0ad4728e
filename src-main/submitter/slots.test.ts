import { describe, expect, it } from 'vitest'
import { createSlots } from './slots'
import { never, stopOf } from './testing/failure-of'

/** Lets everything happen that can happen now. */
const settle = (): Promise<void> => new Promise(setImmediate)

describe('slots', () => {
  it('give as many places as there are, the next ones in the order of asking', async () => {
    const slots = createSlots(2)
    const order: string[] = []
    const take = async (name: string): Promise<() => void> => {
      const giveBack = await slots.take(never)
      order.push(name)
      return giveBack
    }
    const [a, b] = [await take('a'), await take('b')]
    const [c, d] = [take('c'), take('d')]
    await settle()
    expect(order).toEqual(['a', 'b'])
    b()
    ;(await c)()
    await d
    expect(order).toEqual(['a', 'b', 'c', 'd'])
    a()
  })

  it('take a place back once', async () => {
    const slots = createSlots(1)
    const first = await slots.take(never)
    first()
    first()
    await slots.take(never)
    let taken = false
    void slots.take(never).then(() => (taken = true))
    first()
    await settle()
    expect(taken).toBe(false)
  })

  it('let go of one who no longer waits, and serve those behind', async () => {
    const slots = createSlots(1)
    const first = await slots.take(never)
    const leaving = new AbortController()
    const left = stopOf(slots.take(leaving.signal))
    const behind = slots.take(never)
    leaving.abort()
    await left
    first()
    ;(await behind)()
    await slots.take(never)
  })

  it('do not lose a place to one who leaves after getting it, nor one who waits behind', async () => {
    const slots = createSlots(1)
    const first = await slots.take(never)
    const leaving = new AbortController()
    const second = slots.take(leaving.signal)
    const third = slots.take(never)
    first()
    const giveBack = await second
    leaving.abort()
    giveBack()
    ;(await third)()
    await slots.take(never)
  })

  it('do not lose a place to one who leaves at the moment of getting it', async () => {
    const slots = createSlots(1)
    const first = await slots.take(never)
    const leaving = new AbortController()
    const second = slots.take(leaving.signal)
    first()
    leaving.abort()
    ;(await second)()
    await slots.take(never)
  })

  it('give none to one who has left before', async () => {
    const slots = createSlots(1)
    await stopOf(slots.take(AbortSignal.abort()))
    await slots.take(never)
  })
})
