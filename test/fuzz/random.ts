/** Numbers that look random and are the same for the same seed on every machine. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number) {
    this.#a = mix(seed ^ 0x9e3779b9);
    this.#b = mix(seed + 0x85ebca6b);
    this.#c = mix(~seed);
  }

  /** The next number of 32 bits, not negative. */
  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#count++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A whole number from 0 to `limit` - 1; 0 when the limit is. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * limit);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = this.uint32();
    return bytes;
  }
}

/** The seed of one case: of everything that tells it from others. */
export function caseSeed(seed: number, target: string, number: number): number {
  let hash = mix(seed);
  for (let i = 0; i < target.length; i++) hash = mix(hash ^ target.charCodeAt(i));
  return mix(mix(hash ^ number) + Math.floor(number / 0x1_0000_0000));
}

function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) | 0;
}
