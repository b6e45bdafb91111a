import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { CLIENT_RULES } from '../../../lib/options/client-options.js';
import { CONSUMER_RULES } from '../../../lib/options/consumer-rules.js';
import { PRODUCER_RULES } from '../../../lib/options/producer-options.js';
import type { Rule } from '../../../lib/options/rules.js';

/** The rows of option tables, by the name in their first cell, of each part of docs/configuration.md. */
function documentedOptions(): Record<string, Map<string, string[]>> {
  const text = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const parts: Record<string, Map<string, string[]>> = {};
  let rows: Map<string, string[]> | undefined;
  let inOptionTable = false;
  for (const line of text.split('\n')) {
    const heading = /^## (.+)$/.exec(line)?.[1];
    if (heading !== undefined) parts[heading] = rows = new Map<string, string[]>();
    if (!line.startsWith('|')) inOptionTable = false;
    if (line.startsWith('| Option |')) inOptionTable = true;
    const name = /^\| `(\w+)` \|/.exec(line)?.[1];
    if (!inOptionTable || name === undefined) continue;
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    rows?.set(name, cells.slice(1, -1));
  }
  return parts;
}

describe('docs/configuration.md', () => {
  const documented = documentedOptions();
  const clientNames = Object.keys(CLIENT_RULES);
  const own = (rules: object): string[] => Object.keys(rules).filter((name) => !clientNames.includes(name));

  const parts: [heading: string, names: string[], rules: Record<string, Rule<unknown>>][] = [
    ['Both', clientNames, CLIENT_RULES],
    ['Consumer', own(CONSUMER_RULES), CONSUMER_RULES],
    ['Producer', own(PRODUCER_RULES), PRODUCER_RULES],
  ];

  for (const [heading, names, rules] of parts) {
    it(`${heading}: has every option, and no other`, () => {
      expect([...(documented[heading]?.keys() ?? [])]).to.have.members(names);
    });

    it(`${heading}: has a type, a default and a meaning for each`, () => {
      for (const [name, cells] of documented[heading] ?? []) {
        expect(cells, name).to.have.lengthOf(4);
        for (const cell of cells) expect(cell, name).to.not.equal('');
      }
    });

    it(`${heading}: tells the defaults there are`, () => {
      let compared = 0;
      for (const name of names) {
        if (name === 'consumerGroup') continue;
        const value = rules[name]?.fallback(name);
        const plain = typeof value === 'boolean' || typeof value === 'string' || Number.isFinite(value);
        if (!plain || name === 'localOffsetStoreDir') continue;
        const cell = documented[heading]?.get(name)?.[2];
        expect(cell, name).to.equal(typeof value === 'string' ? `\`'${value}'\`` : `\`${String(value)}\``);
        compared++;
      }
      expect(compared).to.be.above(5);
    });
  }
});
