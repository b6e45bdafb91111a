import { ProtocolError } from '../../../lib/errors.js';
import { bytes, type Piece } from '../../fuzz/model/piece.js';
import { Discrepancy, type FuzzTarget } from '../../fuzz/target.js';

/** Decoders with a mistake each: what the fuzzer has to find. */

const seeds: readonly Piece[] = [bytes('abc'), bytes('abcdefgh'), bytes('{"a":[1,2,3]}')];

const planted = (name: string, run: (input: Buffer) => unknown): FuzzTarget => ({ name, seeds, run });

export const FLAWLESS = planted('flawless', (input) => {
  if (input.length > 8) throw new ProtocolError('ERR_ROCKETMQ_FRAME_MALFORMED', 'too long');
  return input.length;
});

/** By the kind of failure that is to be found. */
export const FLAWED = {
  'foreign error': planted('type-error', (input) => {
    if (input.includes(0x42)) (undefined as unknown as string).at(0);
  }),
  discrepancy: planted('discrepancy', (input) => {
    if (input.length === 7) throw new Discrepancy('what is written again: differs');
  }),
  'poor error': planted('no-words', (input) => {
    if (input.length === 7) throw new ProtocolError('ERR_ROCKETMQ_FRAME_MALFORMED', '');
  }),
  // The square of the input's length: nothing for some bytes, too much for some thousand.
  time: planted('superlinear', (input) => {
    const length = Math.min(input.length, 4_000);
    let sum = 0;
    for (let i = 0; i < length; i++) for (let j = 0; j < length; j++) sum += input[i] === input[j] ? 1 : 0;
    return sum;
  }),
  memory: planted('preallocating', (input) => Buffer.allocUnsafeSlow((input[0] ?? 0) > 0x7f ? 64 << 20 : 0)),
} as const;

const isNamed = (input: Buffer): boolean => input.length === 4;

/** Those that take the process with them. */
export const LETHAL: readonly FuzzTarget[] = [
  planted('killing', (input) => {
    if (isNamed(input)) process.kill(process.pid, 'SIGKILL');
  }),
  planted('endless', (input) => {
    while (isNamed(input));
  }),
];

/** For the processes of a campaign. */
export const targets: readonly FuzzTarget[] = [FLAWLESS, ...LETHAL];
