// Where the servers are and with what one speaks to them. Made by whoever starts the submitter (settings, environment or
// the built-in service); asked for anew before each step, since the built-in service may have been started again.
export interface Servers {
  /** http(s) address without a trailing slash. */
  readonly apiUrl: string
  readonly gpuUrl: string
  readonly licenseKey: string
  /** Empty: the license key is the Bearer. */
  readonly apiSecret: string
  /** Empty: no Authorization header. */
  readonly gpuSecret: string
  /** Upper-case MD5 hex that stays the same on this machine (contract.md §2.1). */
  readonly machineCode: string
}

/** Which Bearer an API took: worth remembering between runs. */
export interface ServerMemory {
  apiTakesSecret: (apiUrl: string) => boolean | null
  rememberApiTakesSecret: (apiUrl: string, takes: boolean) => void
}

/** How long a GPU machine took to wake, ms: the median of the last wakes that this desk waited for, null before the first. */
export interface WakeMemory {
  usualWakeMs: (gpuUrl: string) => number | null
  rememberWake: (gpuUrl: string, tookMs: number) => void
}
