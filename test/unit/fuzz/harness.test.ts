import { expect } from 'chai';
import { decodeMessages } from '../../../lib/protocol/message.js';
import { planJobs, runJob } from '../../fuzz/campaign.js';
import { buildInput, makeCase } from '../../fuzz/case.js';
import { judge, LIMITS, type Failure } from '../../fuzz/judge.js';
import { goldenFrames } from '../../fuzz/model/golden.js';
import { mutateTree } from '../../fuzz/model/mutate.js';
import { bytes, int, packed, sized, writePiece, type Piece } from '../../fuzz/model/piece.js';
import { isStoredMessages, storedMessages } from '../../fuzz/model/records.js';
import { xxHash32 } from '../../fuzz/model/xx-hash.js';
import { Random } from '../../fuzz/random.js';
import { describeFailure, summary } from '../../fuzz/report.js';
import { shrinkBytes, shrinkCase } from '../../fuzz/shrink.js';
import { FLAWED, FLAWLESS } from './planted.js';

/** Enough to find a planted mistake that few inputs meet. */
const CASES = 1_500;
const plenty = { looks: 10_000, until: Infinity };
const written = (piece: Piece): string => writePiece(piece).bytes.toString('hex');

describe('the fuzzer', () => {
  describe('its cases', () => {
    it('are the same for the same seed, target and number, and others for others', () => {
      const input = (seed: number, number: number): string =>
        buildInput(makeCase(FLAWED.time, seed, number)).toString('hex');
      const inputs = Array.from({ length: 50 }, (_, number) => input(1, number));
      expect(Array.from({ length: 50 }, (_, number) => input(1, number))).to.deep.equal(inputs);
      expect(Array.from({ length: 50 }, (_, number) => input(2, number))).not.to.deep.equal(inputs);
      expect(new Set(inputs).size).to.be.above(30);
    });

    it('draw every number below a limit, and none besides', () => {
      const random = new Random(7);
      const drawn = new Set(Array.from({ length: 500 }, () => random.below(5)));
      expect([...drawn].sort()).to.deep.equal([0, 1, 2, 3, 4]);
    });

    it('are shared by weight, beginning with the first of every target', () => {
      const jobs = planJobs([{ ...FLAWLESS, weight: 3 }, FLAWED.time], 9, 100_000);
      const cases = (name: string): number =>
        jobs.filter((job) => job.target === name).reduce((sum, job) => sum + job.to - job.from, 0);
      expect([cases(FLAWLESS.name), cases(FLAWED.time.name)]).to.deep.equal([75_000, 25_000]);
      expect(jobs.slice(0, 2).map((job) => job.from)).to.deep.equal([0, 0]);
    });
  });

  describe('its trees', () => {
    it('write the stored messages of real brokers byte for byte', () => {
      const bodies = goldenFrames()
        .map(({ command }) => command.body)
        .filter(isStoredMessages);
      expect(bodies).to.have.length.above(10);
      for (const body of bodies) expect(written(storedMessages(body))).to.equal(body.toString('hex'));
    });

    it('write lengths that follow from what is behind them, or that lie', () => {
      const part = sized(4, bytes('abc'), { plus: 4 });
      expect(written(part)).to.equal('00000007616263');
      expect(written({ ...part, forced: -1 })).to.equal('ffffffff616263');
      expect(written(sized(4, bytes('ab'), { high: 1 }))).to.equal('010000026162');
      expect(written(sized(2, sized(1, bytes('a'))))).to.equal('00020161');
      expect(written(int(8, -2))).to.equal('fffffffffffffffe');
      expect(written(int(3, 0x010203, true))).to.equal('030201');
      expect(written(packed(bytes('ab'), (content) => Buffer.concat([content, content])))).to.equal('61626162');
    });

    it('keep the lengths around a change true, so that the decoder behind them is reached', () => {
      const body = goldenFrames()
        .map(({ command }) => command.body)
        .find(isStoredMessages) as Buffer;
      let readable = 0;
      for (let seed = 0; seed < 200; seed++) {
        const root = storedMessages(body);
        mutateTree(root, storedMessages(body), new Random(seed));
        const { messages, error } = decodeMessages(writePiece(root).bytes, { brokerName: '' });
        if (error === undefined && messages.length > 0) readable += 1;
      }
      expect(readable).to.be.within(80, 190);
    });

    it('have the checksum of LZ4 frames', () => {
      expect(xxHash32(Buffer.alloc(0)).toString(16)).to.equal('2cc5d05');
      expect(xxHash32(Buffer.from('Nobody inspects the spammish repetition')).toString(16)).to.equal('e2293b2f');
    });
  });

  describe('its judgement', () => {
    it('is content with a value, and with an error of this package', async () => {
      expect((await judge(FLAWLESS, Buffer.from('abc'))).verdict).to.deep.equal({ outcome: 'accepted' });
      const { verdict } = await judge(FLAWLESS, Buffer.from('abcdefghi'));
      expect(verdict).to.deep.equal({ outcome: 'rejected', code: 'ERR_ROCKETMQ_FRAME_MALFORMED' });
    });

    for (const kind of Object.keys(FLAWED) as (keyof typeof FLAWED)[]) {
      it(`finds a ${kind} that was planted, and says how to see it again`, async () => {
        const target = FLAWED[kind];
        // One in twenty asks for the memory, and each time all that was asked for before is collected.
        const to = kind === 'memory' ? 200 : CASES;
        const limits = kind === 'time' ? { ...LIMITS, cpuMs: 6 } : LIMITS;
        const tally = await runJob(target, { target: target.name, seed: 1, from: 0, to }, { limits, shrinkMs: 200 });
        const [failure] = tally.failures;
        expect(failure).to.include({ kind, target: target.name, seed: 1 });
        expect(tally.failures, 'a kind is kept three times').to.have.length.within(1, 3);
        const text = describeFailure(failure as NonNullable<typeof failure>);
        expect(text).to.include(`--target ${target.name} --seed 1 --case ${failure?.number}`);
        expect(text).to.include((failure?.input as string).slice(0, 2_000));
        expect(summary(new Map([[target.name, tally]]))).to.include(`${target.name} | ${to}`);
      });
    }

    it('makes what it finds small', async () => {
      const job = { target: FLAWED['foreign error'].name, seed: 1, from: 0, to: CASES };
      const { failures } = await runJob(FLAWED['foreign error'], job);
      expect(failures.map(({ input }) => input)).to.deep.equal(failures.map(() => '42'));
    });
  });

  describe('its shrinker', () => {
    it('leaves the bytes that matter, in their order', async () => {
      const input = Buffer.concat([
        new Random(3).bytes(500),
        Buffer.from('X'),
        new Random(4).bytes(500),
        Buffer.from('Y'),
      ]);
      const stillFails = async (smaller: Buffer): Promise<boolean> => /X[^]*Y/.test(smaller.toString('latin1'));
      expect((await shrinkBytes(input, stillFails, { ...plenty })).toString('latin1')).to.equal('XY');
    });

    it('leaves out the steps that do not matter', async () => {
      const target = { ...FLAWED.time, seeds: [bytes('abc')] };
      for (let number = 0; number < 50; number++) {
        const anything = await shrinkCase(makeCase(target, 1, number), async (input) => input.includes('abc'), {
          ...plenty,
        });
        // Where a step has removed the text there is nothing to keep, and the input is as it was.
        if (buildInput(makeCase(target, 1, number)).includes('abc')) expect(anything.toString()).to.equal('abc');
      }
    });

    it('ends when it has looked often enough', async () => {
      let looks = 0;
      const input = Buffer.alloc(1_000, 1);
      const never = async (): Promise<boolean> => ((looks += 1), false);
      expect(await shrinkBytes(input, never, { looks: 30, until: Infinity })).to.equal(input);
      expect(looks).to.equal(30);
    });
  });

  it('counts a failure of each kind by itself', async () => {
    const both = {
      ...FLAWED.discrepancy,
      run: (input: Buffer) => (FLAWED.discrepancy.run(input), FLAWED['foreign error'].run(input)),
    };
    const { failures } = await runJob(both, { target: both.name, seed: 1, from: 0, to: CASES });
    expect(new Set(failures.map((failure: Failure) => failure.kind))).to.deep.equal(
      new Set(['discrepancy', 'foreign error']),
    );
  });
});
