import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { runCli } from '../../../mock-broker/cli.js';
import { MockAdminClient } from '../../../mock-broker/index.js';
import { RawClient } from '../../support/raw-client.js';

const tlsFile = (name: string): string => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url));

interface Run {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
}

/** Runs the program in this process until it is up, or has failed. */
async function run(
  args: readonly string[],
  whileRunning: (out: string) => Promise<void> = async () => undefined,
): Promise<Run> {
  let out = '';
  let error = '';
  const exitCode = await runCli(args, {
    out: (text) => void (out += text),
    error: (text) => void (error += text),
    untilStopped: () => whileRunning(out),
  });
  return { exitCode, out, error };
}

/** The program in a process of its own. */
function start(...args: string[]): {
  line(): Promise<string>;
  stop(signal: NodeJS.Signals): Promise<number | null>;
  endInput(): Promise<number | null>;
} {
  const bin = fileURLToPath(new URL('../../../mock-broker/bin.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', bin, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    line: async () => String((await lines.next()).value),
    stop: async (signal) => {
      child.kill(signal);
      return (await exited)[0];
    },
    endInput: async () => {
      child.stdin.end();
      return (await exited)[0];
    },
  };
}

describe('rocketmq-mock-broker', () => {
  it('tells where it listens and what topics it has', async () => {
    const { exitCode, out } = await run([
      '--port',
      '0',
      '--brokers',
      '2',
      '--topic',
      'Orders:4',
      '-t',
      'One:1',
      '-t',
      'Plain',
      '-g',
      'billing',
    ]);
    expect(exitCode).to.equal(0);
    expect(out).to.match(/^name server 127\.0\.0\.1:\d+$/m);
    expect(out).to.match(/^broker {6}127\.0\.0\.1:\d+ \(broker-b\)$/m);
    expect(out).to.include(
      'topic       Orders, 4 queues on each broker\ntopic       One, 1 queue on each broker\ntopic       Plain, 8 queues',
    );
  });

  it('starts replicas and name servers', async () => {
    const { out } = await run(['-p', '0', '--brokers', '2', '--replicas', '1', '--name-servers', '2']);
    expect(out).to.match(/^name server 127\.0\.0\.1:\d+;127\.0\.0\.1:\d+$/m);
    expect(out).to.match(/^broker {6}127\.0\.0\.1:\d+ \(broker-b\)\nreplica {5}127\.0\.0\.1:\d+ \(broker-b\/1\)$/m);
    const json = await run(['-p', '0', '--replicas', '2', '--json']);
    const { brokers } = JSON.parse(json.out) as { brokers: { name: string; replicas: string[] }[] };
    expect(brokers.map(({ name, replicas }) => [name, new Set(replicas).size])).to.deep.equal([['broker-a', 2]]);
  });

  it('serves clients as it is told to', async () => {
    const args = [
      '-p',
      '0',
      '-t',
      'Orders',
      '--version-number',
      '407',
      '--serialize-type',
      'ROCKETMQ',
      '--no-auto-create-topic',
    ];
    const more = [
      '--no-auto-create-group',
      '--no-property-filter',
      '--lock-expiry',
      '5',
      '--acl',
      'ak:sk',
      '--advertised-host',
      'localhost',
    ];
    const keys = ['--tls-key', tlsFile('server-key.pem'), '--tls-cert', tlsFile('server.pem')];
    let reply: unknown;
    await run([...args, ...more, ...keys], async (out) => {
      const client = await RawClient.connect(/name server (\S+)/.exec(out)?.[1] ?? '', {
        tls: { rejectUnauthorized: false },
      });
      const { version, serializeType, code } = await client.request({ code: 105, extFields: { topic: 'TBW102' } });
      reply = { version, serializeType, code };
      await client.close();
    });
    expect(reply).to.deep.equal({ version: 407, serializeType: 1, code: 17 });
  });

  it('explains itself', async () => {
    const { exitCode, out } = await run(['--help']);
    expect(exitCode).to.equal(0);
    expect(out).to.include('Usage: rocketmq-mock-broker').and.to.include('Examples:');
  });

  it('answers bad input with one line and exit code 2', async () => {
    const bad = [
      ['--port', 'x'], ['--port', '70000'], ['--topic', ':3'], ['--topic', 'a.b'], ['--topic', 'a:b:c'], ['--nope'],
      ['--brokers', '10001'], ['--brokers', '99999999999', '--replicas', '1'], ['--brokers', '1.5'], ['--replicas', '10'],
      ['--name-servers', '0'], ['--name-servers', '17'], ['--acl', 'x'], ['--acl', ':x'], ['--serialize-type', 'XML'],
      ['--persona', '3.2.6'], ['--fault', 'LOCK_BATCH_MQ:nothing'], ['--fault', '{'], ['--token', 'x'], ['--http-host', '::1'],
      ['--http', 'x'], ['--http', '0', '--http-host', '0.0.0.0'], ['--load', '/nope'],
      ['--tls-key', 'x'], ['--tls-key', '/nope', '--tls-cert', '/nope'], ['--group', 'a b'],
    ]; // prettier-ignore
    for (const args of bad) {
      const { exitCode, out, error } = await run(args);
      expect([args, exitCode, out]).to.deep.equal([args, 2, '']);
      expect(error, args.join(' ')).to.match(/^error: [^\n]+\n$/);
    }
  });

  it('says in one line that a port is taken', async () => {
    await run(['-p', '0'], async (out) => {
      const port = /name server \S+:(\d+)/.exec(out)?.[1] ?? '';
      const second = await run(['-p', port]);
      expect(second.exitCode).to.equal(1);
      expect(second.error).to.match(/^error: .*EADDRINUSE[^\n]*\n$/);
    });
  });

  describe('as a process', () => {
    let folder: string;

    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'mock-broker-cli-'));
    });

    after(() => rmSync(folder, { recursive: true }));

    it('starts with what a file holds, faults, a journal and a console, and tells machines where', async () => {
      const load = join(folder, 'load.json');
      const journal = join(folder, 'journal.jsonl');
      writeFileSync(
        load,
        JSON.stringify({
          topics: { Orders: { queues: 2 } },
          groups: { billing: { retryMaxTimes: 3 } },
          messages: [
            { topic: 'Orders', body: 'paid', shardingKey: 'o-17', count: 2 },
            { topic: 'Orders', bodyBase64: '//4=', queueId: 1, broker: 'broker-a' },
          ],
        }),
      );
      const process = start('-p', '0', '--persona', '5.5.0', '--load', load, '--journal', journal, '--http', '0', '--token', 'secret', '--json', '--fault', 'LOCK_BATCH_MQ:lock=refuse,times=3'); // prettier-ignore
      const said = JSON.parse(await process.line()) as { http: string; namesrvAddr: string; topics: string[] };
      expect(said.topics).to.deep.equal(['Orders']);
      const client = new MockAdminClient({ url: said.http, token: 'secret' });
      const state = await client.getState();
      expect(state.cluster).to.deep.include({ namesrvAddr: said.namesrvAddr, persona: '5.5.0', version: 513 });
      expect(state.topics.map(({ name, messages }) => [name, messages])).to.deep.equal([['Orders', 3]]);
      expect(state.groups[0]?.config?.retryMaxTimes).to.equal(3);
      expect(state.faults.map(({ rule }) => rule)).to.deep.equal([{ code: ['LOCK_BATCH_MQ'], times: 3, action: { type: 'lock', do: 'refuse' } }]); // prettier-ignore
      const raw = await RawClient.connect(said.namesrvAddr);
      await raw.request({ code: 105, extFields: { topic: 'Orders' } });
      await raw.close();
      expect(await process.stop('SIGINT')).to.equal(0);
      const [first] = readFileSync(journal, 'utf8').split('\n');
      expect(JSON.parse(first ?? '')).to.include({ code: 105, direction: 'in' });
    });

    it('prints where the console is', async () => {
      const process = start('-p', '0', '--http', '0');
      let line = await process.line();
      while (!line.startsWith('console')) line = await process.line();
      const url = /^console {5}(http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1] ?? '';
      expect(await (await fetch(url)).text()).to.include('<title>');
      // Who looks on does not keep it from ending.
      const events = await fetch(`${url}/events`);
      expect(await process.stop('SIGTERM')).to.equal(0);
      await events.body?.cancel().catch(() => undefined);
    });

    it('names the file and the place of what can not be loaded', async () => {
      const file = join(folder, 'bad.json');
      const cases: [unknown, string][] = [
        ['{"topics": ', 'JSON'],
        [[], 'an object'],
        [{ topic: {} }, 'topic is not valid'],
        [{ topics: { Orders: { queues: -1 } } }, 'topics.Orders.queues is not valid: got -1'],
        [{ groups: { billing: { retries: 1 } } }, 'groups.billing.retries is not valid: got 1'],
        [{ messages: [{ topic: 'Orders', body: 'x' }, { body: 'x' }] }, 'messages[1].topic is not valid'],
        [
          { messages: [{ topic: 'Orders', body: 'x', queueId: 99 }] },
          'messages[0].message.queueId is not valid: got 99',
        ],
        [{ messages: [{ topic: 'Orders' }] }, 'messages[0].body is not valid'],
      ];
      for (const [content, reason] of cases) {
        writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
        const { exitCode, error, out } = await run(['-p', '0', '--load', file]);
        expect([exitCode, out]).to.deep.equal([2, '']);
        expect(error)
          .to.match(/^error: [^\n]+\n$/)
          .and.to.include(file)
          .and.to.include(reason);
      }
    });
  });

  it('leaves nothing behind that keeps a process alive', async () => {
    const index = new URL('../../../mock-broker/index.ts', import.meta.url).href;
    const program = `
      import { MockCluster } from '${index}';
      const cluster = await MockCluster.start();
      cluster.produce('Orders', { body: 'x', delayLevel: 18 });
      const awaited = [
        cluster.journal.waitFor(() => false, { timeoutMs: 600_000 }),
        cluster.faults.add({ action: { type: 'drop' } }).waitForHits(1, { timeoutMs: 600_000 }),
      ];
      await cluster.stop();
      console.log((await Promise.allSettled(awaited)).map((one) => one.status).join());`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    expect(line).to.equal('rejected,rejected');
    expect(await once(child, 'exit')).to.deep.equal([0, null]);
  });

  it('stops cleanly on SIGTERM and on Ctrl-C', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const process = start('--port', '0');
      expect(await process.line()).to.match(/^name server /);
      expect(await process.stop(signal)).to.equal(0);
    }
  });

  it('ends with its standard input when it is told to, and by a signal all the same', async () => {
    const ended = start('--port', '0', '--until-stdin-ends');
    expect(await ended.line()).to.match(/^name server /);
    expect(await ended.endInput()).to.equal(0);
    const stopped = start('--port', '0', '--until-stdin-ends');
    await stopped.line();
    expect(await stopped.stop('SIGTERM')).to.equal(0);
  });
});
