import { expect } from 'chai';
import { readdirSync } from 'node:fs';
import { decodeCommand, isResponse } from '../../../lib/protocol/command.js';
import { runJob } from '../../fuzz/campaign.js';
import { judge } from '../../fuzz/judge.js';
import { writePiece } from '../../fuzz/model/piece.js';
import { targets } from '../../fuzz/targets/index.js';
import { requestTypes } from '../../fuzz/targets/requests.js';
import { REQUEST_TYPES } from '../protocol/requests/all.js';

const folder = new URL('../../../lib/protocol/requests/', import.meta.url);
/** Files that hold what several requests share. */
const shared = ['empty-reply', 'offset-table', 'queue-offset', 'request-type'];
/** One-way requests, and those whose answer nobody reads. */
const withoutReply = [
  ...['check-transaction-state', 'end-transaction', 'notify-consumer-ids-changed', 'reset-consumer-client-offset'],
];
/** They read any text as something. */
const neverRefusing = ['properties', 'lease', 'mock-properties-text'];

describe('what is fuzzed', () => {
  it('is every request type there is', () => {
    const files = readdirSync(folder).map((file) => file.replace(/\.ts$/, ''));
    expect([...requestTypes.keys()]).to.have.members(files.filter((file) => !shared.includes(file)));
    expect([...requestTypes]).to.have.deep.members([...REQUEST_TYPES]);
    const names = targets.map(({ name }) => name);
    expect(names).to.include.members([...requestTypes.keys()].map((name) => `request-${name}`));
    expect(new Set(names).size).to.equal(names.length);
  });

  it('begins with a request and an answer of each type', () => {
    for (const name of requestTypes.keys()) {
      const { seeds } = targets.find((target) => target.name === `request-${name}`) as (typeof targets)[number];
      const kinds = new Set(seeds.map((seed) => isResponse(decodeCommand(writePiece(seed).bytes))));
      const wanted = withoutReply.includes(name) ? [false] : [false, true];
      expect([...kinds], name).to.include.members(wanted);
    }
  });

  for (const target of targets) {
    it(`begins with what is accepted, and goes on with what is and what is not: ${target.name}`, async () => {
      expect(target.seeds).to.have.length.above(0);
      for (const seed of target.seeds.slice(0, 40)) {
        const { verdict } = await judge(target, writePiece(seed).bytes);
        expect(verdict, JSON.stringify(verdict)).to.deep.equal({ outcome: 'accepted' });
      }
      const tally = await runJob(target, { target: target.name, seed: 20, from: 0, to: 50 });
      expect(tally.failures).to.deep.equal([]);
      expect(tally.accepted).to.be.above(0);
      if (!neverRefusing.includes(target.name)) expect(tally.rejected).not.to.deep.equal({});
    });
  }
});
