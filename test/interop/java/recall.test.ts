import { expect } from 'chai';
import { RequestCode } from '../../../lib/protocol/codes.js';
import { until } from '../../support/until.js';
import type { ClientProgram } from '../support/client-program.js';
import { javaClient } from '../support/shared-clients.js';
import { target } from '../support/target.js';

describe('the Java client 5.5.0: calling back', () => {
  let client: ClientProgram;

  before(async function () {
    this.timeout(300_000);
    client = await javaClient('5.5.0');
  });

  const allow = async (recallMessageEnable: boolean): Promise<void> => {
    for (const address of (await target().admin.masters()).values()) {
      const body = `recallMessageEnable=${recallMessageEnable}`;
      await target().admin.ask(address, { code: RequestCode.UPDATE_BROKER_CONFIG, body });
    }
  };

  after(() => allow(false));

  async function recall(fields: Readonly<Record<string, string>>): Promise<{ id: string; topic: string }> {
    const topic = target().unique('Recalled');
    const id = target().unique('recalling');
    await target().createTopic(topic, 1);
    await client.run('recall', { id, topic, ...fields }, 'done');
    return { id, topic };
  }

  it('calls back one of the messages that wait, and no other', async () => {
    await allow(true);
    const { id, topic } = await recall({ bodies: 'a,b,c', which: 'b', timerMs: '3000' });
    const sent = client.of(id, 'sent').find(({ body }) => body === 'b');
    expect(client.of(id, 'recalled').map(({ msgId }) => msgId)).to.deep.equal([sent?.msgId]);
    expect(await target().stored(topic)).to.deep.equal([]);
    // One that is sent after them, to be seen later than any of them.
    const last = target().unique('producer');
    await client.run('send', { id: last, topic, kind: 'sync', bodies: 'end', timerMs: '4000' }, 'done');
    const stored = await until('the last message', async () => {
      const found = await target().stored(topic);
      return found.some(({ body }) => body.toString() === 'end') ? found : undefined;
    });
    expect(stored.map(({ body }) => body.toString()).sort()).to.deep.equal(['a', 'c', 'end']);
  });

  it('is told when that is not allowed', async () => {
    await allow(false);
    const error = await recall({ bodies: 'a', which: 'a', timerMs: '1000' }).catch(String);
    expect(error).to.match(/CODE: 16 +DESC: recall failed, operation is forbidden/);
  });
});
