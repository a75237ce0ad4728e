// The screens there are, in the order of the rail. Each is loaded when first opened.
import { IconHistory, IconSettings, IconSquareRoundedPlus, IconStack2, type Icon } from '@tabler/icons-react'

export const screens = ['new', 'queue', 'history', 'settings'] as const
export type Screen = (typeof screens)[number]

export const screenIcons: Readonly<Record<Screen, Icon>> = {
  new: IconSquareRoundedPlus,
  queue: IconStack2,
  history: IconHistory,
  settings: IconSettings,
}
