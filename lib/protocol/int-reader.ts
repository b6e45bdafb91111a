/**
 * Plain byte arithmetic for what listeners read of every message: the methods of Buffer check their arguments once
 * more, which costs half the speed of decoding. The caller has checked the bounds. All integers are big endian.
 */

export function int32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** Exact within +-(2^53 - 1). */
export function int64(bytes: Buffer, at: number): number {
  return int32(bytes, at) * 4_294_967_296 + (int32(bytes, at + 4) >>> 0);
}
