import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../support/owned-process.js';

interface SoakFile {
  readonly suites: readonly {
    readonly rounds: number;
    readonly settings: Readonly<Record<string, string | number>>;
    readonly goals: readonly { readonly name: string; readonly measured: number; readonly reached: boolean }[];
  }[];
  readonly faults: readonly string[];
  readonly samples: readonly { readonly calm: boolean; readonly consumed: number; readonly lag: number }[];
}

describe('the soak', () => {
  const dir = mkdtempSync(join(tmpdir(), 'rocketmq-soak-'));

  after(() => rmSync(dir, { recursive: true, force: true }));

  it('runs for as long as it is told, and judges, records and draws what it saw', async () => {
    const main = join(import.meta.dirname, '..', '..', '..', 'bench', 'soak', 'main.ts');
    const options = ['--minutes', '0.1', '--pause', '300', '--lease', '1500', '--out', dir];
    const { stdout } = await run(process.execPath, ['--import=tsx', '--expose-gc', main, ...options]);
    const { suites, faults, samples } = JSON.parse(readFileSync(join(dir, 'soak.json'), 'utf8')) as SoakFile;
    const [report] = suites;
    expect(faults).to.deep.equal([]);
    expect(report?.goals.filter(({ reached }) => !reached)).to.deep.equal([]);
    expect(report?.goals).to.have.lengthOf(9);
    for (const { name } of report?.goals ?? []) expect(stdout).to.include(`reached  ${name}`);
    expect(report?.rounds, 'cycles').to.be.at.least(2);
    expect(report?.settings['members killed']).to.be.at.least(1);
    expect(report?.settings['connections cut off']).to.be.at.least(1);
    expect(samples.filter(({ calm }) => calm)).to.have.lengthOf((report?.rounds ?? 0) + 1);
    expect(samples.at(-1)?.consumed).to.be.greaterThan(1_000);
    expect(readFileSync(join(dir, 'soak.svg'), 'utf8'))
      .to.match(/^<svg /)
      .and.include('live memory, every look: from');
  });

  it('fails with what is wrong when it can not be carried out', async () => {
    const main = join(import.meta.dirname, '..', '..', '..', 'bench', 'soak', 'main.ts');
    const args = ['--import=tsx', '--expose-gc', main, '--minutes', '0.1', '--namesrv', '127.0.0.1:1', '--out', dir];
    const error = await run(process.execPath, args).then(
      () => undefined,
      (thrown: unknown) => String(thrown),
    );
    expect(error).to.include('ECONNREFUSED').and.include('ended with code 1');
  });
});
