import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { StateError, TimeoutError, ValidationError } from '../../../lib/errors.js';
import { createRequest, createResponse } from '../../../lib/protocol/command.js';
import { lockBatchMq } from '../../../lib/protocol/requests/lock-batch-mq.js';
import { pullMessage } from '../../../lib/protocol/requests/pull-message.js';
import { queryConsumerOffset } from '../../../lib/protocol/requests/query-consumer-offset.js';
import { unlockBatchMq } from '../../../lib/protocol/requests/unlock-batch-mq.js';
import { updateConsumerOffset } from '../../../lib/protocol/requests/update-consumer-offset.js';
import { describeEntry, Journal, type JournalFilter, type JournalLine, MockClock, MockCluster } from '../../../mock-broker/index.js'; // prettier-ignore
import { beat, GROUP, holdOf, MockHarness, pullOf, queueOf, send, TOPIC } from '../../support/mock-harness.js';
import type { RawClient } from '../../support/raw-client.js';
import { rejection } from '../../support/rejection.js';

describe('Journal', () => {
  const peer = { id: 7, clientId: undefined as string | undefined };

  function note(journal: Journal, code: number, options: { oneway?: boolean; body?: Buffer } = {}): void {
    const command = createRequest(
      { code, extFields: { a: 'b' }, ...(options.body && { body: options.body }) },
      5,
      options,
    );
    journal.record({ at: 1, broker: 'broker-a', direction: 'in', peer, command });
  }

  it('records what came and what was sent, with the request of each answer', () => {
    const journal = new Journal();
    const request = createRequest({ code: 11, extFields: { topic: 'T' } }, 9, { version: 479 });
    journal.record({ at: 12, broker: 'broker-a', direction: 'in', peer, command: request });
    const response = createResponse(request, { code: 19, remark: 'nothing' });
    journal.record({ at: 13, broker: 'broker-a', direction: 'out', peer, command: response, request: 11 });
    const [first, second] = journal.entries;
    expect(first).to.include({ at: 12, seq: 0, direction: 'in', kind: 'request', code: 11, opaque: 9, connection: 7 });
    expect(first?.ext).to.deep.equal({ topic: 'T' });
    expect(second).to.include({ seq: 1, kind: 'response', code: 19, request: 11, remark: 'nothing', version: 479 });
    expect(describeEntry(second as NonNullable<typeof second>)).to.equal(
      '#1 broker-a out response PULL_NOT_FOUND (19) to PULL_MESSAGE (11)',
    );
  });

  it('tells the client id as soon as the connection knows it, of earlier frames too', () => {
    const journal = new Journal();
    const late = { id: 1, clientId: undefined as string | undefined };
    journal.record({ at: 0, broker: 'b', direction: 'in', peer: late, command: createRequest({ code: 105 }, 1) });
    expect(journal.requests({ clientId: 'c1' })).to.have.length(0);
    late.clientId = 'c1';
    expect(journal.requests({ clientId: 'c1' })).to.have.length(1);
  });

  it('filters requests', () => {
    const journal = new Journal();
    note(journal, 11);
    note(journal, 15, { oneway: true });
    expect(journal.requests().map((entry) => entry.kind)).to.deep.equal(['request', 'oneway']);
    expect(journal.requests({ code: 15 })).to.have.length(1);
    expect(journal.requests({ broker: 'broker-b' })).to.have.length(0);
    expect(journal.requests({ connection: 7 })).to.have.length(2);
    expect(journal.requests({ connection: 8 })).to.have.length(0);
  });

  it('waits for an entry, and finds those that came before', async () => {
    const journal = new Journal();
    note(journal, 34);
    expect((await journal.waitFor((entry) => entry.code === 34)).seq).to.equal(0);
    const coming = journal.waitFor((entry) => entry.code === 34, { afterSeq: 0 });
    note(journal, 35);
    note(journal, 34);
    expect((await coming).seq).to.equal(2);
  });

  it('names the latest frames when what is awaited does not come', async () => {
    const journal = new Journal();
    note(journal, 34);
    const error = await rejection(
      journal.waitFor((entry) => entry.code === 41, { timeoutMs: 1 }),
      TimeoutError,
    );
    expect(error.message).to.include('#0 broker-a in request HEART_BEAT (34)');
    expect(
      (
        await rejection(
          new Journal().waitFor(() => true, { timeoutMs: 1 }),
          TimeoutError,
        )
      ).message,
    ).to.include('none');
  });

  it('gives a mistake in a predicate to who made it', async () => {
    const journal = new Journal();
    const coming = journal.waitFor(() => {
      throw new RangeError('mistake');
    });
    const other = journal.waitFor((entry) => entry.code === 1);
    note(journal, 1);
    await rejection(coming, RangeError);
    await other;
  });

  it('fails those who wait when it is closed', async () => {
    const journal = new Journal();
    const coming = journal.waitFor(() => true);
    journal.close();
    await rejection(coming, StateError);
  });

  it('keeps the newest entries only', () => {
    const journal = new Journal(3);
    for (let code = 0; code < 5000; code++) note(journal, code);
    expect(journal.entries.map((entry) => entry.code)).to.deep.equal([4997, 4998, 4999]);
    expect(journal.dropped).to.equal(4997);
  });

  it('keeps no more than 64 MiB of bodies', () => {
    const journal = new Journal();
    const body = Buffer.alloc(16 * 1024 * 1024);
    for (let code = 0; code < 6; code++) note(journal, code, { body });
    expect(journal.entries.map((entry) => entry.code)).to.deep.equal([2, 3, 4, 5]);
  });

  it('forgets when it is cleared, but never uses a number twice', () => {
    const journal = new Journal();
    note(journal, 1);
    journal.clear();
    note(journal, 2);
    expect(journal.entries.map((entry) => [entry.seq, entry.code])).to.deep.equal([[1, 2]]);
  });
});

describe('the journal of a cluster', () => {
  let clock: MockClock;
  let harness: MockHarness;
  let client: RawClient;

  beforeEach(async () => {
    clock = MockClock.manual();
    harness = await MockHarness.start({ clock });
    client = await harness.connect();
    harness.cluster.updateGroup(GROUP, {});
  });

  afterEach(() => harness.stop());

  const lockAll = (clientId: string): Promise<unknown> =>
    client.call(lockBatchMq, { consumerGroup: GROUP, clientId, queues: [0, 1, 2, 3].map((id) => queueOf(id)) });
  const commit = (commitOffset: number): Promise<unknown> =>
    client.ask(updateConsumerOffset, { consumerGroup: GROUP, topic: TOPIC, queueId: 3, commitOffset });

  it('tells what became of requests, in words', async () => {
    const { journal, faults } = harness.cluster;
    await lockAll('c1');
    await lockAll('c2');
    await client.call(unlockBatchMq, { consumerGroup: GROUP, clientId: 'c1', queues: [queueOf(0)] });
    await beat(client, 'c1');
    const held = client.send(pullMessage.encode(holdOf({ queueId: 3 })));
    await client.call(queryConsumerOffset, { consumerGroup: GROUP, topic: TOPIC, queueId: 3 }).catch(() => undefined);
    const pull = journal.filter({ code: 'PULL_MESSAGE' })[0];
    expect([pull?.effect, pull?.reply]).to.deep.equal(['held until a message comes', undefined]);
    await send(client, { queueId: 3 });
    await client.reply(held);
    await client.ask(pullMessage, pullOf({ queueId: 3, queueOffset: 1 }));
    await client.ask(pullMessage, pullOf({ queueId: 3, queueOffset: 9 }));
    await commit(1);
    faults.add({ code: 15, times: 1, action: { type: 'dropReply' } });
    client.send(updateConsumerOffset.encode({ consumerGroup: GROUP, topic: TOPIC, queueId: 3, commitOffset: 2 }));
    faults.add({ code: 15, times: 1, action: { type: 'drop' } });
    client.send(updateConsumerOffset.encode({ consumerGroup: GROUP, topic: TOPIC, queueId: 3, commitOffset: 3 }));
    await client.ask(updateConsumerOffset, { consumerGroup: GROUP, topic: 'Nobody', queueId: 0, commitOffset: 1 });
    const effects = journal.requests().map((entry) => entry.effect);
    expect(effects).to.deep.equal([
      'locked 4 of 4 queues of billing for c1',
      'locked 0 of 4 queues of billing for c2',
      'unlocked 1 queue of billing for c1',
      'c1 is alive, in billing',
      'gave Orders broker-a 3 from 0 to 1',
      'refused: QUERY_NOT_FOUND (22), Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first',
      'stored Orders broker-a 3 at 0',
      'nothing new in Orders broker-a 3 at 1',
      'no offset 9 in Orders broker-a 3, sent on to 1',
      'committed billing Orders broker-a 3 at 1',
      'fault f1: dropReply; committed billing Orders broker-a 3 at 2',
      'fault f2: drop',
      'refused: TOPIC_NOT_EXIST (17), Topic Nobody not exist!',
    ]);
    expect(pull?.reply).to.include({ kind: 'response', requestSeq: pull?.seq, effect: pull?.effect });
  });

  it('finds frames by what they are about, answers too', async () => {
    const { journal } = harness.cluster;
    await lockAll('c1');
    await commit(4);
    const since = journal.lastSeq;
    await lockAll('c2');
    const found = (filter: JournalFilter): number => journal.filter(filter).length;
    expect(found({ code: 'LOCK_BATCH_MQ' })).to.equal(4);
    expect(found({ code: 41, direction: 'in' })).to.equal(2);
    expect(found({ code: [41, 'UPDATE_CONSUMER_OFFSET'], kind: 'response' })).to.equal(3);
    expect(found({ code: 41, clientId: 'c2' })).to.equal(2);
    expect(found({ group: GROUP, since })).to.equal(2);
    expect(found({ topic: TOPIC, queueId: 3 })).to.equal(6);
    expect(found({ queueId: 0 })).to.equal(4);
    expect(found({ broker: 'namesrv' })).to.equal(0);
    expect(() => journal.filter({ code: 'NOTHING' })).to.throw(ValidationError, 'filter.code');
  });

  it('waits for the next frame, not for one that came before', async () => {
    const { journal } = harness.cluster;
    await commit(1);
    const next = journal.next({ code: 'UPDATE_CONSUMER_OFFSET', direction: 'in' });
    await commit(2);
    expect((await next).ext['commitOffset']).to.equal('2');
    const error = await rejection(journal.next({ code: 41 }, { timeoutMs: 1 }), TimeoutError);
    expect(error.message).to.include('UPDATE_CONSUMER_OFFSET');
    await rejection(journal.next({ code: 'NOTHING' }), ValidationError);
  });

  it('calls back with each frame until that is ended', async () => {
    const seen: string[] = [];
    const stop = harness.cluster.journal.subscribe((entry) => seen.push(`${entry.direction} ${entry.kind}`));
    await commit(1);
    stop();
    await commit(2);
    expect(seen).to.deep.equal(['in request', 'out response']);
  });

  it('writes frames to a file, as lines of JSON, bodies as text where they are JSON', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'journal-'));
    const journalFile = join(folder, 'journal.jsonl');
    const cluster = await MockCluster.start({ journalFile, journalLimit: 0, topics: { [TOPIC]: { queues: 4 } } });
    const other = await harness.connectTo(cluster.brokers[0]?.address ?? '');
    await other.call(lockBatchMq, { consumerGroup: GROUP, clientId: 'c1', queues: [queueOf(0)] });
    await send(other, { body: Buffer.from([1, 2, 3]) });
    await other.call(pullMessage, pullOf());
    await cluster.stop();
    const lines = readFileSync(journalFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as JournalLine);
    rmSync(folder, { recursive: true });
    expect(lines.map(({ seq, name, effect }) => [seq, name, effect])).to.deep.equal([
      [0, 'LOCK_BATCH_MQ (41)', 'locked 1 of 1 queue of billing for c1'],
      [1, 'SUCCESS (0)', 'locked 1 of 1 queue of billing for c1'],
      [2, 'SEND_MESSAGE_V2 (310)', 'stored Orders broker-a 0 at 0'],
      [3, 'SUCCESS (0)', 'stored Orders broker-a 0 at 0'],
      [4, 'PULL_MESSAGE (11)', 'gave Orders broker-a 0 from 0 to 1'],
      [5, 'SUCCESS (0)', 'gave Orders broker-a 0 from 0 to 1'],
    ]);
    expect(lines[0]?.bodyText).to.include('"clientId":"c1"');
    expect([lines[2]?.bodyBase64, lines[2]?.bodyLength]).to.deep.equal(['AQID', 3]);
    expect(lines[5]?.requestSeq).to.equal(4);
  });

  it('keeps and makes nothing when nobody wants it', async () => {
    const cluster = await MockCluster.start({ journalLimit: 0, topics: { [TOPIC]: { queues: 4 } } });
    const other = await harness.connectTo(cluster.brokers[0]?.address ?? '');
    await send(other);
    expect(cluster.journal.lastSeq).to.equal(-1);
    const next = cluster.journal.next({ code: 310 });
    await send(other);
    expect((await next).seq).to.equal(0);
    await send(other);
    expect([cluster.journal.entries.length, cluster.journal.lastSeq]).to.deep.equal([0, 0]);
    await cluster.stop();
  });
});
