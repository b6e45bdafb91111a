import { cloneJson, jsonText, type Json } from './json.js';

/**
 * An input as a tree of its parts. Lengths are not part of the tree but follow from it when it is written: whatever a
 * mutation does to one part, the lengths around it stay true, and the decoder inside is reached. A length that lies is a
 * mutation of its own.
 */
export type Piece = IntPiece | BytesPiece | JsonPiece | SizedPiece | PackedPiece | GroupPiece;

export interface IntPiece {
  readonly kind: 'int';
  readonly size: 1 | 2 | 3 | 4 | 8;
  readonly little: boolean;
  value: number | bigint;
}

export interface BytesPiece {
  readonly kind: 'bytes';
  bytes: Buffer;
}

/** JSON text, as deep as it goes. */
export interface JsonPiece {
  readonly kind: 'json';
  value: Json;
}

/** A part behind its own length. */
export interface SizedPiece {
  readonly kind: 'sized';
  readonly size: 1 | 2 | 4;
  readonly little: boolean;
  /** Added to the length of the child: 4 where a length counts itself. */
  readonly plus: number;
  /** The eight bits above a length of three bytes. */
  high: number;
  /** The lie. */
  forced: number | undefined;
  child: Piece;
}

/** A part that is written as something made of its bytes: compressed, or followed by a checksum. */
export interface PackedPiece {
  readonly kind: 'packed';
  readonly pack: (bytes: Buffer) => Buffer;
  child: Piece;
}

export interface GroupPiece {
  readonly kind: 'group';
  readonly items: Piece[];
}

export const int = (size: IntPiece['size'], value: number | bigint, little = false): IntPiece => ({
  kind: 'int',
  size,
  little,
  value,
});
export const bytes = (content: Buffer | string): BytesPiece => ({ kind: 'bytes', bytes: Buffer.from(content) });
export const json = (value: Json): JsonPiece => ({ kind: 'json', value });
export const group = (...items: Piece[]): GroupPiece => ({ kind: 'group', items });
export const packed = (child: Piece, pack: (bytes: Buffer) => Buffer): PackedPiece => ({ kind: 'packed', pack, child });
export const sized = (
  size: SizedPiece['size'],
  child: Piece,
  more: { plus?: number; high?: number; little?: boolean } = {},
): SizedPiece => ({
  kind: 'sized',
  size,
  little: more.little ?? false,
  plus: more.plus ?? 0,
  high: more.high ?? 0,
  forced: undefined,
  child,
});

export function clonePiece(piece: Piece): Piece {
  switch (piece.kind) {
    case 'int':
    case 'bytes':
      return { ...piece };
    case 'json':
      return { kind: 'json', value: cloneJson(piece.value) };
    case 'sized':
    case 'packed':
      return { ...piece, child: clonePiece(piece.child) };
    case 'group':
      return { kind: 'group', items: piece.items.map(clonePiece) };
  }
}

/** Every part of the tree, outer ones first. */
export function piecesOf(root: Piece): Piece[] {
  const found: Piece[] = [];
  const visit = (piece: Piece): void => {
    found.push(piece);
    if (piece.kind === 'group') piece.items.forEach(visit);
    else if (piece.kind === 'sized' || piece.kind === 'packed') visit(piece.child);
  };
  visit(root);
  return found;
}

/** The tree's bytes, in memory of their own, and where its parts begin. */
export function writePiece(root: Piece): { bytes: Buffer; borders: number[] } {
  const writer = new Writer();
  writer.write(root);
  return { bytes: writer.written(), borders: writer.borders };
}

class Writer {
  /** Memory that serves again: making it costs more than filling it. None while a writer has it. */
  static #spare: Buffer | undefined;

  readonly borders: number[] = [];
  #bytes = Writer.#spare ?? Buffer.allocUnsafeSlow(4_096);
  #at = 0;

  constructor() {
    Writer.#spare = undefined;
  }

  /** What was written. The writer is done with. */
  written(): Buffer {
    const written = Buffer.from(this.#bytes.subarray(0, this.#at));
    Writer.#spare = this.#bytes;
    return written;
  }

  write(piece: Piece): void {
    this.borders.push(this.#at);
    switch (piece.kind) {
      case 'int':
        return this.#int(piece.value, piece.size, piece.little);
      case 'bytes':
        return this.#append(piece.bytes);
      case 'json':
        return this.#append(Buffer.from(jsonText(piece.value)));
      case 'group':
        return piece.items.forEach((item) => this.write(item));
      case 'sized':
        return this.#sized(piece);
      case 'packed':
        return this.#append(piece.pack(writePiece(piece.child).bytes));
    }
  }

  #sized({ size, little, plus, high, forced, child }: SizedPiece): void {
    const at = this.#at;
    this.#int(0, size, little);
    this.write(child);
    const end = this.#at;
    const length = forced ?? (end - at - size + plus) | (high << 24);
    this.#at = at;
    this.#int(length, size, little);
    this.#at = end;
  }

  #append(content: Buffer): void {
    this.#reserve(content.length);
    this.#at += content.copy(this.#bytes, this.#at);
  }

  #int(value: number | bigint, size: IntPiece['size'], little: boolean): void {
    this.#reserve(size);
    let rest = BigInt.asUintN(64, BigInt(value));
    if (typeof value === 'number' && size <= 4) {
      // The usual case without big integers.
      for (let i = 0; i < size; i++) this.#bytes[this.#at + (little ? i : size - 1 - i)] = value >>> (8 * i);
    } else {
      for (let i = 0; i < size; i++, rest >>= 8n) {
        this.#bytes[this.#at + (little ? i : size - 1 - i)] = Number(rest & 0xffn);
      }
    }
    this.#at += size;
  }

  #reserve(more: number): void {
    const wanted = this.#at + more;
    if (wanted <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
