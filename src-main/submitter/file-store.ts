// A server's store of inputs, as the upload step sees it: the GPU server has one, and an API of ours too.
import type { CheckFilesRequest } from '../../src-shared/gpu-contract'

export interface FileStore {
  /** Which of the hashes the server has. */
  readonly checkFiles: (files: CheckFilesRequest['files'], signal: AbortSignal) => Promise<Readonly<Record<string, boolean>>>
  /** Sends a file; answers the hash that the server computed. `report` gets the bytes that have left. */
  readonly uploadFile: (
    upload: { readonly path: string; readonly name: string; readonly sizeBytes: number; readonly md5: string; readonly ext: string },
    report: (sentBytes: number) => void,
    signal: AbortSignal,
  ) => Promise<string>
}
