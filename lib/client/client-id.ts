import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { MessageModel } from '../enums.js';
import type { ResolvedClientOptions } from '../options.js';

/** The reference's name of an instance that nobody gave one. */
const DEFAULT_INSTANCE = 'DEFAULT';

/**
 * The name brokers know a client by: `<ip>@<instance>[@<unit>]`. It is the owner of queue locks and the place in the
 * allocation, so two consumers of one group must never have the same.
 *
 * A clustering consumer without an instance name of its own gets `<pid>#<random>`: containers often share both address
 * and pid. All others keep 'DEFAULT', because a broadcasting consumer finds its offset file by this id, and producers
 * share connections by it.
 */
export function createClientId(
  options: Pick<ResolvedClientOptions, 'clientIP' | 'instanceName' | 'unitName'>,
  role: 'producer' | MessageModel,
): string {
  const ip = options.clientIP ?? localAddress();
  const given = options.instanceName ?? DEFAULT_INSTANCE;
  const instance = given === DEFAULT_INSTANCE && role === 'CLUSTERING' ? uniqueInstance() : given;
  return options.unitName === undefined ? `${ip}@${instance}` : `${ip}@${instance}@${options.unitName}`;
}

function uniqueInstance(): string {
  return `${process.pid}#${randomBytes(8).toString('hex')}`;
}

/** The first IPv4 address that other machines can know this one by; 127.0.0.1 when there is none. */
export function localAddress(interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces()): string {
  for (const addresses of Object.values(interfaces)) {
    const found = addresses?.find((address) => address.family === 'IPv4' && !address.internal);
    if (found !== undefined) return found.address;
  }
  return '127.0.0.1';
}
