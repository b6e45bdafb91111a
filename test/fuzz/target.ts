import type { Piece } from './model/piece.js';

/** One decoder, or a family that is fed alike. */
export interface FuzzTarget {
  readonly name: string;
  /** Its share of the cases in proportion to others'. Default 1. */
  readonly weight?: number;
  /** Valid inputs; each is accepted by {@link run}. */
  readonly seeds: readonly Piece[];
  /**
   * Decodes `input` and looks at all there is to see. Bytes that are refused make it throw an error of the package.
   * What it finds wrong by itself, such as a value that reads differently when it is written again, it throws as a
   * {@link Discrepancy}.
   */
  run(input: Buffer): unknown;
  /** Bytes that may be allocated for `input` besides what every target may: results that are unpacked. Default 0. */
  readonly allowance?: (input: Buffer) => number;
}

/** Two readings that should agree and don't. */
export class Discrepancy extends Error {
  override readonly name = 'Discrepancy';
}
