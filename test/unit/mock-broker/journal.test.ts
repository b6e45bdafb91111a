import { expect } from 'chai';
import { StateError, TimeoutError } from '../../../lib/errors.js';
import { createRequest, createResponse } from '../../../lib/protocol/command.js';
import { describeEntry, Journal } from '../../../mock-broker/index.js';
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
