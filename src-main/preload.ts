// What the window gets of this program: the calls and events of the bridge contract, nothing else.
import { contextBridge, ipcRenderer, webUtils, type IpcRendererEvent } from 'electron'
import { bridgeCallNames, bridgeChannel, bridgeEvents, type BridgeEvent } from '../src-shared/bridge-names'

const calls = Object.fromEntries(
  bridgeCallNames.map((name) => [name, (...args: unknown[]): Promise<unknown> => ipcRenderer.invoke(bridgeChannel(name), ...args)]),
)

contextBridge.exposeInMainWorld('desk', {
  ...calls,
  // Only here can a dropped File be turned into its path; the page gets a token back.
  takeDroppedFile: (file: File, role: unknown): Promise<unknown> => ipcRenderer.invoke(bridgeChannel('takeDroppedFile'), webUtils.getPathForFile(file), role),
  on: (event: BridgeEvent, listener: (message: unknown) => void): (() => void) => {
    if (!bridgeEvents.includes(event)) return () => undefined
    const handler = (_event: IpcRendererEvent, message: unknown): void => listener(message)
    ipcRenderer.on(bridgeChannel(event), handler)
    return () => ipcRenderer.off(bridgeChannel(event), handler)
  },
})
