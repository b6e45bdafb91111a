import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { runCli } from '../../../mock-broker/cli.js';
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
      ['--brokers', '99'], ['--brokers', '1.5'], ['--acl', 'x'], ['--acl', ':x'], ['--serialize-type', 'XML'],
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

  it('stops cleanly on SIGTERM', async () => {
    const bin = fileURLToPath(new URL('../../../mock-broker/bin.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', bin, '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    expect(line).to.match(/^name server /);
    child.kill('SIGTERM');
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect([exitCode, signal]).to.deep.equal([0, null]);
  });
});
