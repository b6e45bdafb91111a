import { expect } from 'chai';
import { Heartbeats } from '../../../lib/client/heartbeats.js';
import { TimeoutError } from '../../../lib/errors.js';
import type { HeartBeatRequest } from '../../../lib/protocol/requests/heart-beat.js';
import type { BrokerAddress } from '../../../lib/routing/broker-addresses.js';
import { FakeClient } from '../../support/fake-client.js';
import { turns } from '../../support/fake-clock.js';
import { rejection } from '../../support/rejection.js';

const INTERVAL = 30_000;
const BROKERS: readonly BrokerAddress[] = [
  { brokerName: 'a', brokerId: 0, address: 'a:1' },
  { brokerName: 'a', brokerId: 1, address: 'a:2' },
  { brokerName: 'b', brokerId: 0, address: 'b:1' },
];

function setUp(groups: { consumers?: string[]; producers?: string[] } = { consumers: ['g'] }) {
  const fake = new FakeClient();
  const consumers = new Set(groups.consumers);
  Object.defineProperties(fake, {
    consumers: { get: () => [...consumers].map((groupName) => ({ heartbeatData: () => ({ groupName }) })).values() },
    hasConsumers: { get: () => consumers.size > 0 },
    producerGroups: { get: () => (groups.producers ?? []).values() },
  });
  Object.assign(fake.routes, { allBrokers: () => BROKERS });
  fake.respond = () => ({ version: 479, isSubChange: true, supportV2: true });
  const heartbeats = new Heartbeats(fake.asClient(), INTERVAL);
  const sent = (): string[] =>
    fake.calls.map(({ to, request }) => {
      const data = request as unknown as HeartBeatRequest;
      return `${to} ${data.consumers.map(({ groupName }) => groupName).join()}/${data.producerGroups.join()}`;
    });
  return { fake, clock: fake.clock, heartbeats, consumers, sent };
}

describe('Heartbeats', () => {
  it('go every 30 s to every broker, replicas too, as long as there is a consumer', async () => {
    const t = setUp();
    t.heartbeats.start();
    t.heartbeats.start();
    await t.clock.advance(INTERVAL - 1);
    expect(t.sent()).to.deep.equal([]);
    await t.clock.advance(1);
    expect(t.sent()).to.deep.equal(['a:1 g/', 'a:2 g/', 'b:1 g/']);
    await t.clock.advance(INTERVAL);
    expect(t.sent()).to.have.lengthOf(6);
    t.heartbeats.close();
    expect(t.clock.timerCount).to.equal(0);
    t.heartbeats.start();
    expect(t.clock.timerCount, 'not again after that').to.equal(0);
  });

  it('of producers alone go to masters only', async () => {
    const t = setUp({ producers: ['p'] });
    await t.heartbeats.beatAll();
    expect(t.sent()).to.deep.equal(['a:1 /p', 'b:1 /p']);
  });

  it('of nobody are not sent', async () => {
    const t = setUp({});
    expect(await t.heartbeats.beatAll()).to.deep.equal(new Map());
    expect(t.sent()).to.deep.equal([]);
  });

  it('remember the version a broker answered with', async () => {
    const t = setUp();
    expect(t.heartbeats.brokerVersion('a:1')).to.equal(undefined);
    await t.heartbeats.beat('a:1');
    expect(t.heartbeats.brokerVersion('a:1')).to.equal(479);
  });

  it('to all tell who did not take theirs, and go on with the others', async () => {
    const t = setUp();
    t.fake.respond = ({ to }) => {
      if (to === 'a:2') throw new TimeoutError('no answer');
      return { version: 1 };
    };
    const failures = await t.heartbeats.beatAll();
    expect([...failures.keys()]).to.deep.equal(['a:2']);
    expect(failures.get('a:2')).to.be.instanceOf(TimeoutError);
    expect(t.sent()).to.have.lengthOf(3);
    await rejection(t.heartbeats.beat('a:2'), TimeoutError);
  });

  it('asked for while one is under way share the one after it, which says what is true by then', async () => {
    const t = setUp();
    t.fake.respond = () => undefined;
    const first = t.heartbeats.beat('a:1');
    expect(t.heartbeats.underWay('a:1')).to.not.equal(undefined);
    t.consumers.add('h');
    const following = [t.heartbeats.beat('a:1'), t.heartbeats.beat('a:1')];
    expect(following[0]).to.equal(following[1]);
    t.consumers.delete('g');
    t.fake.calls[0]?.answer({ version: 1 });
    await first;
    await turns();
    expect(t.sent()).to.deep.equal(['a:1 g/', 'a:1 h/']);
    t.fake.calls[1]?.answer({ version: 1 });
    await Promise.all(following);
    expect(t.heartbeats.underWay('a:1')).to.equal(undefined);
  });

  it('that follow a failed one are sent all the same', async () => {
    const t = setUp();
    t.fake.respond = () => undefined;
    const first = rejection(t.heartbeats.beat('a:1'), TimeoutError);
    const following = t.heartbeats.beat('a:1');
    t.fake.calls[0]?.fail(new TimeoutError('no answer'));
    await first;
    await turns();
    t.fake.calls[1]?.answer({ version: 1 });
    await following;
    expect(t.sent()).to.have.lengthOf(2);
  });

  it('are settled when none is under way, nor one that waited for another', async () => {
    const t = setUp();
    await t.heartbeats.settled();
    t.fake.respond = () => undefined;
    const first = t.heartbeats.beat('a:1');
    const following = t.heartbeats.beat('a:1');
    let settled = false;
    const settling = t.heartbeats.settled().then(() => (settled = true));
    t.fake.calls[0]?.answer({ version: 1 });
    await first;
    await turns();
    expect(settled).to.equal(false);
    t.fake.calls[1]?.answer({ version: 1 });
    await Promise.all([following, settling]);
  });
});
