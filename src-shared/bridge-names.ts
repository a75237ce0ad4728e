// Names of the bridge's calls and events, without their schemas: all that the preload needs to know.

export const bridgeCallNames = [
  'getSnapshot',
  'pickFile',
  'takeDroppedFile',
  'releaseFile',
  'addJob',
  'cancelJob',
  'retryJob',
  'removeJob',
  'showResultInFolder',
  'changeJobFolder',
  'chooseOutputFolder',
  'resetOutputFolder',
  'openOutputFolder',
  'saveSettings',
  'saveSecret',
  'testConnection',
  'restartService',
  'pickSamples',
] as const
export type BridgeCall = (typeof bridgeCallNames)[number]

export const bridgeEvents = ['jobsChanged', 'settingsChanged', 'serviceChanged', 'noticed'] as const
export type BridgeEvent = (typeof bridgeEvents)[number]

export const bridgeChannel = (name: BridgeCall | BridgeEvent): string => `desk:${name}`
