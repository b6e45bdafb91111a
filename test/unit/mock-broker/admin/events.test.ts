import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { expect } from 'chai';
import sinon from 'sinon';
import { EventParser, type ServerSentEvent } from '../../../../mock-broker/admin/event-parser.js';
import { EventStreams } from '../../../../mock-broker/admin/events.js';
import { MockClock, MockCluster } from '../../../../mock-broker/index.js';
import { RawClient } from '../../../support/raw-client.js';

/** An answer that keeps what it is given, or takes nothing more. */
class Answer extends Writable {
  readonly events: ServerSentEvent[] = [];
  text = '';
  readonly #parser = new EventParser();
  readonly #isStuck: boolean;

  constructor(isStuck = false) {
    super({ decodeStrings: false });
    this.#isStuck = isStuck;
  }

  writeHead(): this {
    return this;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    this.events.push(...this.#parser.push(chunk));
    if (!this.#isStuck) done();
  }

  types(): string[] {
    return this.events.map(({ event }) => event);
  }
}

describe('the events of the control plane', () => {
  let cluster: MockCluster;
  let streams: EventStreams;
  let timers: sinon.SinonFakeTimers;

  beforeEach(async () => {
    cluster = await MockCluster.start({ clock: MockClock.manual(), topics: { Orders: { queues: 1 } } });
    timers = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    streams = new EventStreams(cluster);
  });

  afterEach(async () => {
    streams.close();
    timers.restore();
    await cluster.stop();
  });

  function open(options: { types?: string; lastEventId?: string; isStuck?: boolean } = {}): Answer {
    const answer = new Answer(options.isStuck);
    streams.open(answer as unknown as ServerResponse, options.lastEventId, options.types, {});
    return answer;
  }

  async function frames(count: number, body = ''): Promise<void> {
    const client = await RawClient.connect(cluster.namesrvAddr);
    for (let sent = 0; sent < count; sent++) {
      await client.request({ code: 105, extFields: { topic: 'Orders' }, body: Buffer.from(body) });
    }
    await client.close();
  }

  it('tell the state at once, and then when it changed, at most four times a second', () => {
    const answer = open({ types: 'state' });
    expect(answer.events).to.have.length(1);
    timers.tick(2000);
    expect(answer.events).to.have.length(1);
    for (let stored = 0; stored < 50; stored++) cluster.produce('Orders', { body: 'x' });
    timers.tick(249);
    expect(answer.events).to.have.length(1);
    timers.tick(251);
    expect(answer.events).to.have.length(2);
    const state = JSON.parse(answer.events[1]?.data ?? '') as { topics: { messages: number }[] };
    expect(state.topics[0]?.messages).to.equal(50);
  });

  it('tell that a clock that stands still was moved', () => {
    const answer = open({ types: 'state' });
    cluster.clock.advance(5);
    timers.tick(250);
    expect(answer.events).to.have.length(2);
  });

  it('tell each frame as it comes, and go on after the last one that was seen', async () => {
    const answer = open({ types: 'journal' });
    await frames(3);
    const ids = answer.events.map(({ id }) => Number(id));
    expect(ids).to.deep.equal([0, 1, 2, 3, 4, 5]);
    answer.destroy();
    await frames(1);
    const again = open({ types: 'journal', lastEventId: '3' });
    expect(again.events.map(({ id }) => Number(id))).to.deep.equal([4, 5, 6, 7]);
    await frames(1);
    expect(again.events.map(({ id }) => Number(id))).to.deep.equal([4, 5, 6, 7, 8, 9]);
  });

  it('show that the connection lives', () => {
    const answer = open({ types: 'journal' });
    timers.tick(15_000);
    expect(answer.text).to.include(': still here');
  });

  it('drop who reads too slowly, and only that one', async () => {
    const stuck = open({ types: 'journal', isStuck: true });
    const reader = open({ types: 'journal' });
    for (let sent = 0; sent < 20 && !stuck.destroyed; sent++) await frames(200, 'x'.repeat(4000));
    expect([stuck.destroyed, reader.destroyed, streams.size]).to.deep.equal([true, false, 1]);
  });

  it('refuse what does not exist', () => {
    expect(() => open({ types: 'state,nothing' })).to.throw('types');
    expect(() => open({ lastEventId: 'x' })).to.throw('Last-Event-ID');
    expect(streams.size).to.equal(0);
  });
});
