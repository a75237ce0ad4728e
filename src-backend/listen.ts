// A role that listens, and the address it can be reached at from this machine.
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

export interface RunningRole {
  /** Without a slash at the end. */
  readonly url: string
  close(): Promise<void>
}

export async function listen(server: FastifyInstance, host: string, port: number): Promise<string> {
  await server.listen({ host, port })
  const address = server.server.address() as AddressInfo
  const everywhere = address.address === '0.0.0.0' || address.address === '::'
  const name = everywhere ? '127.0.0.1' : address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${name}:${String(address.port)}`
}
