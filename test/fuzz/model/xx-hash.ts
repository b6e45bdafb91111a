const PRIMES = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1] as const;
const [P1, P2, P3, P4, P5] = PRIMES;

/** xxHash of 32 bits with seed 0: the checksum of LZ4 frames. */
export function xxHash32(bytes: Buffer): number {
  let at = 0;
  let hash: number;
  if (bytes.length >= 16) {
    const lanes = [(P1 + P2) | 0, P2 | 0, 0, -P1 | 0];
    for (; at + 16 <= bytes.length; at += 16) {
      for (let i = 0; i < 4; i++) {
        lanes[i] = Math.imul(rotated((lanes[i] as number) + Math.imul(bytes.readInt32LE(at + 4 * i), P2), 13), P1);
      }
    }
    hash = [1, 7, 12, 18].reduce((sum, by, i) => (sum + rotated(lanes[i] as number, by)) | 0, 0);
  } else {
    hash = P5 | 0;
  }
  hash = (hash + bytes.length) | 0;
  for (; at + 4 <= bytes.length; at += 4)
    hash = Math.imul(rotated(hash + Math.imul(bytes.readInt32LE(at), P3), 17), P4);
  for (; at < bytes.length; at++) hash = Math.imul(rotated(hash + Math.imul(bytes.readUInt8(at), P5), 11), P1);
  hash = Math.imul(hash ^ (hash >>> 15), P2);
  hash = Math.imul(hash ^ (hash >>> 13), P3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
