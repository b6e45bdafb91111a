import { describeValue, ProtocolError } from '../errors.js';

/**
 * Hosts as messages carry them.
 *
 *     host = (4 or 16 bytes of IP address) port:int32
 *
 * As text `10.0.0.1:1234` or `[2001:db8::1]:1234`, the brackets as in URLs.
 */

const PORT_FIELD = 4;

/** The text of the host in `bytes` from `at` on, of 8 bytes or 20. */
export function decodeHost(bytes: Buffer, at: number, isV6: boolean): string {
  return isV6
    ? `[${decodeIpV6(bytes, at)}]:${bytes.readInt32BE(at + 16)}`
    : `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}:${bytes.readInt32BE(at + 4)}`;
}

/**
 * The 8 or 20 bytes of a host. Names are not looked up.
 *
 * @throws ProtocolError `ERR_ROCKETMQ_FIELD_MALFORMED` when it isn't an IP address and a port
 */
export function encodeHost(host: string): Buffer {
  const colon = host.lastIndexOf(':');
  const port = host.slice(colon + 1);
  const ip = encodeIp(host.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, '$1'));
  if (ip === undefined || !/^\d{1,9}$/.test(port)) {
    const shown = describeValue(host);
    throw new ProtocolError('ERR_ROCKETMQ_FIELD_MALFORMED', `${shown} is no IP address and port`, { host: shown });
  }
  const bytes = Buffer.allocUnsafe(ip.length + PORT_FIELD);
  bytes.set(ip);
  bytes.writeInt32BE(Number(port), ip.length);
  return bytes;
}

/** The 4 or 16 bytes of an IP address; undefined when the text is none. */
export function encodeIp(text: string): Uint8Array | undefined {
  return text.includes(':') ? encodeIpV6(text) : encodeIpV4(text);
}

function encodeIpV4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

function encodeIpV6(text: string): Uint8Array | undefined {
  // What follows a percent sign names an interface of the machine.
  const halves = (text.split('%', 1)[0] ?? '').split('::', 3);
  const head = ipV6Groups(halves[0] ?? '');
  const tail = ipV6Groups(halves[1] ?? '');
  if (halves.length > 2 || head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // "::" stands for one group of zeros or more.
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const bytes = new Uint8Array(16);
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  for (const [i, group] of groups.entries()) {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 0xff;
  }
  return bytes;
}

/** The 16 bit groups of one side of a "::"; the last 32 bits may be written as an IPv4 address. */
function ipV6Groups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const v4 = i === parts.length - 1 && part.includes('.') ? encodeIpV4(part) : undefined;
    if (v4 !== undefined) {
      const view = Buffer.from(v4);
      groups.push(view.readUInt16BE(0), view.readUInt16BE(2));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** In the canonical form: lower case, the longest run of zeros (the first of equals, of two groups at least) as "::". */
function decodeIpV6(bytes: Buffer, at: number): string {
  const groups: string[] = [];
  let bestStart = -1;
  let bestLength = 1;
  let run = 0;
  for (let i = 0; i < 8; i++) {
    const group = bytes.readUInt16BE(at + 2 * i);
    groups.push(group.toString(16));
    run = group === 0 ? run + 1 : 0;
    if (run > bestLength) {
      bestLength = run;
      bestStart = i - run + 1;
    }
  }
  if (bestStart === -1) return groups.join(':');
  return `${groups.slice(0, bestStart).join(':')}::${groups.slice(bestStart + bestLength).join(':')}`;
}
