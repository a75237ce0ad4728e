// The settings file as it lies on disk: what electron-store writes and the command line reads. Broken parts fall back to
// defaults; a secret is either encrypted by the system's key store or, where there is none, as it is.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { secretNames, settingsSchema, type SecretName, type SecretState, type Settings } from '../src-shared/settings'

export const storedSecretSchema = z.union([z.object({ sealed: z.string() }), z.object({ plain: z.string() })])
export type StoredSecret = z.infer<typeof storedSecretSchema>

export interface StoredSettings {
  readonly settings: Settings
  readonly secrets: Readonly<Partial<Record<SecretName, StoredSecret>>>
}

/** Any JSON value as settings: what does not fit is left out, part by part. */
export function parseStoredSettings(value: unknown): StoredSettings {
  const stored = z.object({ settings: z.record(z.string(), z.unknown()).catch({}), secrets: z.record(z.string(), z.unknown()).catch({}) }).catch({ settings: {}, secrets: {} }).parse(value)
  const settings = Object.fromEntries(
    Object.entries(settingsSchema.shape).flatMap(([key, schema]) => {
      const parsed = schema.safeParse(stored.settings[key])
      return parsed.success ? [[key, parsed.data]] : []
    }),
  )
  const secrets = Object.fromEntries(
    secretNames.flatMap((name) => {
      const parsed = storedSecretSchema.safeParse(stored.secrets[name])
      return parsed.success ? [[name, parsed.data]] : []
    }),
  )
  return { settings: settingsSchema.parse(settings), secrets }
}

export function readSettingsFile(path: string): StoredSettings {
  try {
    return parseStoredSettings(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return parseStoredSettings({})
  }
}

/** The secret as it may be used, and where it stands. `open` undoes the key store's encryption, or throws. */
export function openSecret(stored: StoredSecret | undefined, open: (sealed: string) => string): { readonly value: string; readonly state: SecretState } {
  if (stored === undefined) return { value: '', state: 'none' }
  if ('plain' in stored) return { value: stored.plain, state: 'app' }
  try {
    return { value: open(stored.sealed), state: 'app' }
  } catch {
    return { value: '', state: 'unreadable' }
  }
}
