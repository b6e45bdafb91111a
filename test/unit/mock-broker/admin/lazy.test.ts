import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';

/** Reports each of the libraries that only the control plane needs, when it is loaded. */
const HOOK = `export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  if (/node_modules.(typebox|hono|@hono|undici)./.test(found.url)) process._rawDebug('loaded ' + specifier);
  return found;
}`;

describe('a cluster without HTTP', () => {
  it('is started without loading what HTTP needs', async () => {
    const index = new URL('../../../../mock-broker/index.ts', import.meta.url).href;
    const program = `
      import { register } from 'node:module';
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(HOOK)}));
      const { MockCluster } = await import('${index}');
      const cluster = await MockCluster.start({ topics: { Orders: {} } });
      cluster.faults.add({ code: 'LOCK_BATCH_MQ', action: { type: 'lock', do: 'refuse' } });
      process._rawDebug('started');
      await cluster.startAdmin();
      await cluster.stop();`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [said] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    const lines = said.split('\n').filter((line) => /^(loaded|started)/.test(line));
    expect(lines[0]).to.equal('started');
    expect(lines).to.include('loaded hono');
  });
});
