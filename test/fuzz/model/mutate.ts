import type { Random } from '../random.js';
import { mutateJson, mutateList } from './json.js';
import { clonePiece, piecesOf, type BytesPiece, type IntPiece, type Piece, type SizedPiece } from './piece.js';

/** Texts and bytes that have a meaning somewhere: separators, prefixes, encodings that are none. */
const TOKENS = [
  ...['\u0001', '\u0002', '\0', 'TAGS\u0001', 'KEYS\u0001', '\u0002TAGS\u0001a\u0002', '__proto__\u0001x\u0002', '\u0001\u0002', '\u0002\u0001'],
  ...['%RETRY%', '%', '%%', '||', '*', ' ', ';', ':', '::', '.', '[', ']', '-1', '0', '99999999999999999999', '1e3', '0x1', '\r\n', '\n'],
  ...['#lease=', '#lease=1', '#lease=99999999999', 'true', 'TRUE', 'null', '{', '}', '{}', '"', '\\', "'", '\u2028', '\ufeff', 'é', '😀'],
].map((text) => Buffer.from(text)); // prettier-ignore
/** Overlong forms, surrogates, what is past the last character, and sequences that stop. */
const NO_UTF8 = ['c080', 'e08080', 'f0808080', 'eda080', 'edb080', 'f4908080', 'f8888080', 'ff', 'fe', 'c3', 'e282', 'f09f98', '80', 'bf'].map(
  (hex) => Buffer.from(hex, 'hex'),
); // prettier-ignore

const INTERESTING = [
  ...[0, -1, 1, 2, 3, 4, 7, 8, 12, 16, 22, 64, 90, 91, 100, 127, 128, 255, 256, 257, 32_767, 32_768, 65_535, 65_536],
  ...[0x7fffff, 0xffffff, 0x1000000, 0x7fffffff, -0x80000000, -0x7fffffff, 0x7ffffff0, -2, -128, -32_768],
] as const; // prettier-ignore
const INTERESTING_64 = [2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), -1n, 0n, 2n ** 32n];

/** Changes one part of the tree, in place. `donor` is another tree, to take a part from. */
export function mutateTree(root: Piece, donor: Piece, random: Random): void {
  const pieces = piecesOf(root);
  const piece = random.pick(pieces);
  switch (piece.kind) {
    case 'int':
      return mutateInt(piece, pieces, random);
    case 'sized':
      return mutateSized(piece, random);
    case 'bytes':
      return mutateText(piece, random);
    case 'json':
      piece.value = mutateJson(piece.value, random);
      return;
    case 'packed':
      return mutateTree(piece.child, donor, random);
    case 'group':
      return mutateGroup(piece.items, donor, random);
  }
}

function mutateInt(piece: IntPiece, pieces: readonly Piece[], random: Random): void {
  const { value } = piece;
  switch (random.below(piece.size === 8 ? 7 : 6)) {
    case 0:
      piece.value = typeof value === 'bigint' ? value + 1n : value + (random.oneIn(2) ? 1 : -1);
      return;
    case 1:
      piece.value = Number(BigInt.asIntN(32, BigInt(value))) ^ (1 << random.below(32));
      return;
    case 2:
      piece.value = random.uint32() - (random.oneIn(2) ? 0 : 0x8000_0000);
      return;
    case 3: {
      const other = random.pick(pieces);
      if (other.kind === 'int') [piece.value, other.value] = [other.value, piece.value];
      return;
    }
    case 6:
      piece.value = random.pick(INTERESTING_64);
      return;
    default:
      piece.value = random.pick(INTERESTING);
  }
}

/** A length that lies, by one or by much; or the part behind it gone or doubled, with its length still true. */
function mutateSized(piece: SizedPiece, random: Random): void {
  switch (random.below(8)) {
    case 0:
      piece.forced = random.pick(INTERESTING);
      return;
    case 1:
      piece.forced = random.below(256);
      return;
    case 2:
      piece.high = random.pick([0, 1, 2, 127, 128, 255]);
      return;
    case 3:
      piece.child = { kind: 'bytes', bytes: Buffer.alloc(0) };
      return;
    case 4:
      piece.child = { kind: 'group', items: [piece.child, clonePiece(piece.child)] };
      return;
    case 5:
      piece.child = {
        kind: 'group',
        items: [piece.child, { kind: 'bytes', bytes: random.bytes(1 + random.below(8)) }],
      };
      return;
    default:
      // Off by a little: the length follows from the child, and one more or less is a lie.
      piece.child = { kind: 'group', items: [piece.child] };
      (piece as { plus: number }).plus += random.pick([1, -1, 2, -2, 4, -4, piece.size, -piece.size]);
  }
}

function mutateGroup(items: Piece[], donor: Piece, random: Random): void {
  if (random.oneIn(5)) {
    items.splice(random.below(items.length + 1), 0, clonePiece(random.pick(piecesOf(donor))));
    return;
  }
  mutateList(items, random, clonePiece, () => clonePiece(random.pick(piecesOf(donor))));
}

function mutateText(piece: BytesPiece, random: Random): void {
  piece.bytes = mutateBytes(piece.bytes, random);
}

/** Changes some bytes, whatever they are; returns new ones. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const choice = random.below(200);
  if (choice < 25) return splice(bytes, at, 0, random.pick(TOKENS));
  if (choice < 35) return splice(bytes, at, 1, random.pick(TOKENS));
  if (choice < 50) return splice(bytes, at, random.below(2), random.pick(NO_UTF8));
  if (choice < 70) return splice(bytes, at, 1 + random.below(random.oneIn(4) ? 64 : 4), Buffer.alloc(0));
  if (choice < 80) return splice(bytes, at, 0, random.bytes(1 + random.below(8)));
  if (choice < 95) return splice(bytes, at, 0, pieceOf(bytes, random));
  if (choice === 95) return splice(bytes, at, 0, repeated(bytes, random));
  if (choice < 100) return bytes.subarray(0, at);
  if (bytes.length === 0) return bytes;
  const changed = Buffer.from(bytes);
  const place = random.below(bytes.length);
  if (choice < 150) changed[place] = (changed[place] as number) ^ (1 << random.below(8));
  else if (choice < 175) changed[place] = random.pick(INTERESTING) & 0xff;
  else if (choice < 190) changed[place] = random.uint32();
  else if (place + 4 <= bytes.length) changed.writeInt32BE(random.pick(INTERESTING) | 0, place);
  return changed;
}

function pieceOf(bytes: Buffer, random: Random): Buffer {
  const start = random.below(bytes.length);
  return bytes.subarray(start, start + 1 + random.below(16));
}

/** A short piece many times over: what takes more than its share of time shows here. */
function repeated(bytes: Buffer, random: Random): Buffer {
  const unit = random.oneIn(2) ? random.pick(TOKENS) : pieceOf(bytes, random);
  if (unit.length === 0) return unit;
  return Buffer.alloc(1 << (6 + random.below(random.oneIn(6) ? 12 : 7)), unit);
}

function splice(bytes: Buffer, at: number, removed: number, inserted: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
}
