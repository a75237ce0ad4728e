// How components read the desk and act on it. Each hook subscribes to just what it returns.
import { createContext, use, useSyncExternalStore } from 'react'
import type { DeskBridge, JobView, RuntimeView, ServiceView } from '../src-shared/bridge-contract'
import type { SettingsView } from '../src-shared/settings'
import type { DeskState, DeskStore } from './desk-store'

export const DeskContext = createContext<DeskStore | null>(null)

function useStore(): DeskStore {
  const store = use(DeskContext)
  if (!store) throw new Error('no desk around this component')
  return store
}

/** `select` must return something that keeps its identity while it means the same. */
export function useDesk<T>(select: (state: DeskState) => T): T {
  const store = useStore()
  return useSyncExternalStore(store.subscribe, () => select(store.getState()))
}

export const useBridge = (): DeskBridge => useStore().bridge

/** For reading in an event or a memo; subscribes to nothing. */
export const useDeskNow = (): (() => DeskState) => useStore().getState

/** Undefined for the moment between a job's removal and its row's. */
export const useJob = (id: string): JobView | undefined => useDesk((state) => state.jobs.get(id))

export const useSettings = (): SettingsView => useDesk((state) => loaded(state).settings)
export const useService = (): ServiceView => useDesk((state) => loaded(state).service)
export const useRuntime = (): RuntimeView => useDesk((state) => loaded(state).runtime)

function loaded(state: DeskState): NonNullable<DeskState['snapshot']> {
  if (!state.snapshot) throw new Error('read before the first snapshot')
  return state.snapshot
}
