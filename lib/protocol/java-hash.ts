/**
 * Java's `String.hashCode()`: over UTF-16 code units, as a signed 32 bit integer. Brokers index tags by it, and the
 * hash selector picks queues by it.
 */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}
