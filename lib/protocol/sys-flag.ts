/** The `sysFlag` bits of stored messages and of pull requests. */

/** Bits of a message's `sysFlag`. */
export const MessageSysFlag = {
  COMPRESSED: 0x1,
  MULTI_TAGS: 0x2,
  TRANSACTION_PREPARED: 0x4,
  TRANSACTION_COMMIT: 0x8,
  TRANSACTION_ROLLBACK: 0xc,
  BORNHOST_V6: 0x10,
  STOREHOST_V6: 0x20,
  NEED_UNWRAP: 0x40,
  INNER_BATCH: 0x80,
} as const;

/** The two bits that tell a transaction message's state: 0 for none. */
export const TRANSACTION_MASK = 0xc;

/** A record with both bits holds a batch of messages as its body. */
export const INNER_BATCH_MASK = MessageSysFlag.INNER_BATCH | MessageSysFlag.NEED_UNWRAP;

/** Bits 8 to 10 of a message's `sysFlag`. 0 means zlib too: senders older than these bits know nothing else. */
export const CompressionType = { LZ4: 1, ZSTD: 2, ZLIB: 3 } as const;
export type CompressionType = (typeof CompressionType)[keyof typeof CompressionType];

const COMPRESSION_SHIFT = 8;
export const COMPRESSION_TYPE_MASK = 0x7 << COMPRESSION_SHIFT;

/** {@link MessageSysFlag.COMPRESSED}: the stored body is compressed. */
export const COMPRESSED_FLAG = MessageSysFlag.COMPRESSED;

/** The number in the compression bits, 0 to 7; not every one has a meaning. */
export function compressionBits(sysFlag: number): number {
  return (sysFlag & COMPRESSION_TYPE_MASK) >> COMPRESSION_SHIFT;
}

/** `sysFlag` with the bits of a body compressed by `type`. */
export function withCompression(sysFlag: number, type: CompressionType): number {
  return (sysFlag & ~COMPRESSION_TYPE_MASK) | COMPRESSED_FLAG | (type << COMPRESSION_SHIFT);
}

/** Bits of a pull request's `sysFlag`. */
export const PullSysFlag = {
  /** `commitOffset` is to be committed before the pull is answered. */
  COMMIT_OFFSET: 0x1,
  /** Hold the pull up to `suspendTimeoutMillis` when there is nothing to answer it with. */
  SUSPEND: 0x2,
  /** The subscription's text travels with the pull. */
  SUBSCRIPTION: 0x4,
  CLASS_FILTER: 0x8,
  LITE_PULL: 0x10,
} as const;
