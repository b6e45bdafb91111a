import { javaStringHash } from '../protocol/java-hash.js';

/** Turns a sharding key into the index of one of `count` queues. */
export type KeyHash = (key: string, count: number) => number;

const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over the UTF-8 bytes of the text, as an unsigned 32 bit integer. */
export function fnv1a32(text: string): number {
  let hash = FNV_OFFSET_BASIS;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

/**
 * The reference's `SelectMessageQueueByHash`. It takes the absolute value after the remainder: before it, that of
 * -2^31 would not exist in Java.
 */
export const javaKeyHash: KeyHash = (key, count) => Math.abs(javaStringHash(key) % count);

/** The hash selector of the Go client. */
export const fnvKeyHash: KeyHash = (key, count) => fnv1a32(key) % count;
