// Where the project and its throwaway cache lie, for every script here.
// Nothing is resolved against the working directory, so a script may be started from anywhere.
import { join, resolve } from 'node:path'

export const projectRoot = resolve(import.meta.dirname, '..')
export const cacheDir = join(projectRoot, '.cache')
