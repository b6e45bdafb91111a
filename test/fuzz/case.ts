import { mutateBytes, mutateTree } from './model/mutate.js';
import { clonePiece, writePiece, type Piece } from './model/piece.js';
import { caseSeed, Random } from './random.js';
import type { FuzzTarget } from './target.js';

/** How the input of a case is made: of a seed, by steps that can be left out one by one. */
export interface FuzzCase {
  readonly base: Piece;
  readonly donor: Piece;
  readonly steps: readonly Step[];
}

/** `tree` and `cut` go by the structure, `bytes` doesn't. Each has random numbers of its own. */
interface Step {
  readonly kind: 'tree' | 'cut' | 'bytes';
  readonly seed: number;
}

/** Case `number` of a target: the same for the same seed, target and number. */
export function makeCase(target: FuzzTarget, seed: number, number: number): FuzzCase {
  const random = new Random(caseSeed(seed, target.name, number));
  const base = random.pick(target.seeds);
  const donor = random.pick(target.seeds);
  const steps: Step[] = [];
  // Many changes at once are refused for the first of them; few get deep.
  const changes = random.oneIn(50) ? 0 : 1 + random.below(random.oneIn(4) ? 6 : 2);
  const isHavoc = random.oneIn(8);
  for (let i = 0; i < changes; i++) steps.push({ kind: isHavoc ? 'bytes' : 'tree', seed: random.uint32() });
  if (random.oneIn(16)) steps.push({ kind: 'cut', seed: random.uint32() });
  return { base, donor, steps };
}

/** The input, with those of its steps that `isTaken` names. */
export function buildInput(fuzzCase: FuzzCase, isTaken: (step: number) => boolean = () => true): Buffer {
  const { base, donor } = fuzzCase;
  const root: Piece = { kind: 'group', items: [clonePiece(base)] };
  const steps = fuzzCase.steps.filter((_, i) => isTaken(i));
  for (const { kind, seed } of steps) if (kind === 'tree') mutateTree(root, donor, new Random(seed));
  let { bytes, borders } = writePiece(root);
  for (const { kind, seed } of steps) {
    const random = new Random(seed);
    if (kind === 'bytes') bytes = mutateBytes(bytes, random);
    else if (kind === 'cut') bytes = cut(bytes, borders, random);
    // The borders are those of the tree: behind a change of bytes they are places like any other.
    borders = borders.filter((border) => border <= bytes.length);
  }
  return bytes;
}

/** Ends the input where a part begins, or next to it; or goes on behind its end. */
function cut(bytes: Buffer, borders: readonly number[], random: Random): Buffer {
  if (random.oneIn(4)) return Buffer.concat([bytes, random.bytes(1 + random.below(12))]);
  return bytes.subarray(0, Math.max(0, random.pick(borders) + random.below(3) - 1));
}
