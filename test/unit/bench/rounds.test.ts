import { expect } from 'chai';
import { pick, runRounds } from '../../../bench/harness/rounds.js';

describe('bench/rounds', () => {
  const said: string[] = [];
  const display = {
    doing: (text: string) => void said.push(`? ${text}`),
    done: (text: string) => void said.push(text),
  };

  it('takes turns, and keeps the order of the rounds', async () => {
    const ran: string[] = [];
    const candidates = ['A', 'B'].map((name) => ({
      name,
      run: async () => ran.push(name),
    }));
    const results = await runRounds({ candidates, rounds: 3, display, describe: (result) => `ran as ${result}` });
    expect(ran.join(' ')).to.equal('A B A B A B');
    expect([...results]).to.deep.equal([
      ['A', [1, 3, 5]],
      ['B', [2, 4, 6]],
    ]);
    expect(said.slice(0, 2)).to.deep.equal(['? round 1 of 3, A', 'round 1 of 3, A: ran as 1']);
  });

  it('does not count the warm-up', async () => {
    let runs = 0;
    const candidate = { name: 'A', run: async () => ++runs };
    const describe = String;
    const results = await runRounds({ candidates: [candidate], warmUp: [candidate], rounds: 1, display, describe });
    expect(results.get('A')).to.deep.equal([2]);
  });

  it('has no figure of a candidate that lacks it in a round', () => {
    const results = new Map([
      ['A', [{ delay: 1 }, { delay: 2 }]],
      ['B', [{ delay: 1 }, {}]],
    ]);
    expect(pick(results, (result: { delay?: number }) => result.delay)).to.deep.equal({ A: [1, 2] });
  });
});
