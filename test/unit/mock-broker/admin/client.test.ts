import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { AbortError, ConnectionError, ProtocolError } from '../../../../lib/errors.js';
import { EventParser } from '../../../../mock-broker/admin/event-parser.js';
import { MockAdminClient, MockAdminError, type MockEvent } from '../../../../mock-broker/index.js';
import { rejection } from '../../../support/rejection.js';
import { AdminRig } from './admin-rig.js';

describe('MockAdminClient', () => {
  let rig: AdminRig;

  beforeEach(async () => {
    rig = await AdminRig.start();
  });

  afterEach(async () => rig.stop());

  it('rejects with what was refused, and why', async () => {
    const missing = await rejection(rig.client.getTopic({ topic: 'Nothing' }), MockAdminError);
    expect(missing).to.include({ code: 'ERR_MOCK_NOT_FOUND', status: 404, field: 'topic' });
    const wrong = await rejection(
      rig.client.produce({ topic: 'Orders', body: 'x', queueId: 99, broker: 'broker-a' }),
      MockAdminError,
    );
    expect(wrong).to.include({ code: 'ERR_ROCKETMQ_INVALID_ARGUMENT', status: 400, field: 'message.queueId' });
    const rule = await rejection(
      rig.client.addFault({ action: { type: 'lock', do: 'nothing' } } as never),
      MockAdminError,
    );
    expect(rule.field).to.equal('fault.action.do');
  });

  it('takes names that have a meaning in addresses', async () => {
    await rig.client.createTopic({ name: '%DLQ%a-b', queues: 1 });
    expect((await rig.client.getTopic({ topic: '%DLQ%a-b' })).kind).to.equal('dead-letter');
  });

  it('hands out events until its caller has enough', async () => {
    const seen: MockEvent['type'][] = [];
    for await (const event of rig.client.events({ types: ['state', 'violation'] })) {
      seen.push(event.type);
      if (event.type !== 'state') continue;
      if (event.data.topics[0]?.messages === 1) break;
      rig.cluster.produce('Orders', { body: 'x' });
    }
    expect(seen).to.deep.equal(['state', 'state']);
  });

  it('hands out violations with the frames that show them', async () => {
    const controller = new AbortController();
    const events = rig.client.events({ types: ['state', 'violation'], signal: controller.signal });
    const next = async (type: MockEvent['type']): Promise<unknown> => {
      for (;;) {
        const { done, value } = await events.next();
        if (done === true) throw new Error('the stream has ended');
        if (value.type === type) return value;
      }
    };
    // What happens before it listens it is not told of.
    await next('state');
    await rig.consume('billing', 'c1');
    rig.cluster.faults.add({ code: 'LOCK_BATCH_MQ', action: { type: 'lock', do: 'grant' } });
    await rig.consume('billing', 'c2');
    const violation = await next('violation');
    expect(violation).to.have.nested.property('data.kind', 'twoOwners');
    expect(violation).to.have.nested.property('data.entries').that.is.not.empty;
    controller.abort();
    const toTheEnd = async (): Promise<void> => {
      while ((await events.next()).done !== true);
    };
    await rejection(toTheEnd(), AbortError);
  });

  it('stops when it is told to', async () => {
    const aborted = AbortSignal.abort();
    await rejection(rig.client.getCluster({}, { signal: aborted }), AbortError);
  });

  it('says when nobody is there, or somebody else', async () => {
    const silent = createServer((_request, response) => response.end('<html>'));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    await rejection(new MockAdminClient({ url }).getCluster(), ProtocolError);
    silent.closeAllConnections();
    silent.close();
    await once(silent, 'close');
    await rejection(new MockAdminClient({ url }).getCluster(), ConnectionError);
  });
});

describe('EventParser', () => {
  it('finds the same events however the text is cut', () => {
    const text = ': hello\n\nid: 1\nevent: a\ndata: {"x":1}\n\nretry: 5\n\nid: 2\nevent: b\ndata: {}\n\n';
    const whole = new EventParser().push(text);
    expect(whole).to.deep.equal([
      { id: '1', event: 'a', data: '{"x":1}' },
      { id: '2', event: 'b', data: '{}' },
    ]);
    const parser = new EventParser();
    expect([...text].flatMap((letter) => parser.push(letter))).to.deep.equal(whole);
  });
});
