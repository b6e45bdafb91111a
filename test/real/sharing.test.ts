import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Producer } from '../../lib/index.js';
import { judge, type Call } from '../support/group-history.js';
import { startJavaMember, type JavaMember } from '../support/java-member.js';
import { MemberProcess } from '../support/member-process.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { until } from '../support/until.js';

/** Members of one group, in processes of their own, that join, leave and are killed, on a real cluster. */
describe('sharing a group', () => {
  let env: RealEnv;
  let dir: string;
  const members: MemberProcess[] = [];

  before(async () => {
    env = await realEnv();
    dir = mkdtempSync(join(tmpdir(), 'rocketmq-sharing-'));
  });

  afterEach(() => Promise.all(members.splice(0).map((member) => member.kill())));

  after(() => rmSync(dir, { recursive: true, force: true }));

  async function join_(name: string, topic: string, group: string, listenerMs?: number): Promise<MemberProcess> {
    const member = await MemberProcess.start(name, {
      namesrvAddr: env.namesrvAddr,
      group,
      topic,
      log: join(dir, `${group}-${name}.log`),
      ...(listenerMs !== undefined && { listenerMs }),
    });
    members.push(member);
    return member;
  }

  /** Sends `count` messages over all queues; returns how many each queue holds in the end. */
  async function send(topic: string, count: number, onSent: (sent: number) => void = () => undefined) {
    const producer = new Producer({ namesrvAddr: env.namesrvAddr });
    await producer.start();
    const perQueue = new Map<string, number>();
    let sent = 0;
    for (let i = 0; i < count; i += 100) {
      const batch = Array.from({ length: Math.min(100, count - i) }, async (_, j) => {
        const { messageQueue, queueOffset } = await producer.send({
          topic,
          shardingKey: `order-${(i + j) % 997}`,
          body: Buffer.from(String(i + j)),
        });
        const queue = `${messageQueue.brokerName}#${messageQueue.queueId}`;
        perQueue.set(queue, Math.max(perQueue.get(queue) ?? 0, queueOffset + 1));
      });
      await Promise.all(batch);
      sent += batch.length;
      onSent(sent);
    }
    await producer.close();
    return perQueue;
  }

  function allCalls(): Call[] {
    return members.flatMap((member) => member.calls());
  }

  function completed(): number {
    return new Set(allCalls().map((call) => `${call.queue}@${call.offset}`)).size;
  }

  it('50,000 messages over 8 queues of two brokers: members join, leave and are killed; nothing is lost or out of order', async () => {
    const topic = env.unique('sharing');
    const group = env.unique('sharing');
    const total = 50_000;
    // Four queues on each of two brokers, eight on a single one.
    await env.createTopic(topic, 8 / env.brokers.length);
    const first = await join_('first', topic, group, 0.05);
    const sending = send(topic, total);
    await until('first consumes', () => Promise.resolve(completed() > 2_000 || undefined));
    const second = await join_('second', topic, group, 0.05);
    await until('second consumes', () => Promise.resolve(second.calls().length > 500 || undefined));
    const third = await join_('third', topic, group, 0.05);
    const sent = await sending;
    await until('third consumes', () => Promise.resolve(third.owned().length > 0 || undefined));
    // A second wave, so that there is something to do while members go.
    const more = send(topic, 5_000);
    await first.leave();
    await second.kill();
    for (const [queue, count] of await more) sent.set(queue, Math.max(sent.get(queue) ?? 0, count));
    expect([...sent.values()].reduce((sum, count) => sum + count, 0)).to.equal(total + 5_000);
    // The killed member's locks run out at the broker after a minute.
    await until('everything is consumed', () => Promise.resolve(completed() >= total + 5_000 || undefined), {
      timeoutMs: 110_000,
      everyMs: 250,
    });
    const verdict = judge(allCalls(), sent);
    expect(verdict.orderViolations).to.deep.equal([]);
    expect(verdict.overlaps).to.deep.equal([]);
    expect(verdict.lost).to.deep.equal([]);
    expect(first.calls().length).to.be.greaterThan(0);
    expect(third.calls().length).to.be.greaterThan(0);
    // Only the killed member could leave anything to repeat: what it had done since its last commit, 5 s at most.
    expect(new Set(members.flatMap((member) => member.calls().map((call) => call.queue))).size).to.equal(8);
  });

  it('a leaving member repeats nothing: the next one goes on where it stopped', async () => {
    const topic = env.unique('leaving');
    const group = env.unique('leaving');
    await env.createTopic(topic, 8 / env.brokers.length);
    const first = await join_('first', topic, group);
    const sent = await send(topic, 2_000);
    await until('first has consumed all', () => Promise.resolve(completed() === 2_000 || undefined));
    const second = await join_('second', topic, group);
    await until('each has half', () =>
      Promise.resolve((first.owned().length === 4 && second.owned().length === 4) || undefined),
    );
    await first.leave();
    for (const [queue, count] of await send(topic, 2_000)) sent.set(queue, count);
    await until('second has consumed the rest', () => Promise.resolve(completed() === 4_000 || undefined));
    const verdict = judge(allCalls(), sent);
    expect(verdict).to.deep.equal({ orderViolations: [], overlaps: [], lost: [], redelivered: 0, calls: 4_000 });
  });

  describe('with a Java member', () => {
    let java: JavaMember | undefined;

    afterEach(() => java?.stop());

    it('queues are divided without overlap, and change hands both ways', async () => {
      const topic = env.unique('mixed');
      const group = env.unique('mixed');
      await env.createTopic(topic, 8 / env.brokers.length);
      const ours = await join_('ours', topic, group);
      await until('ours owns all', () => Promise.resolve(ours.owned().length === 8 || undefined));
      java = await startJavaMember(env.java, { group, topic });
      const member = java;
      const javaOwned = (): string[] => {
        const last = member.events.filter((event) => event.event === 'ASSIGNED').at(-1);
        return last === undefined ? [] : Object.entries(last.queues).filter(([, locked]) => locked).map(([queue]) => queue); // prettier-ignore
      };
      await until('each owns half', () =>
        Promise.resolve((ours.owned().length === 4 && javaOwned().length === 4) || undefined),
      );
      expect([...ours.owned(), ...javaOwned()].sort()).to.have.lengthOf(8);
      expect(new Set([...ours.owned(), ...javaOwned()]).size).to.equal(8);

      const sent = await send(topic, 2_000);
      const messages = (): { key: string; offset: number }[] =>
        member.events
          .filter((event) => event.event === 'MSG')
          .map((event) => ({ key: `${event.brokerName}#${event.queueId}`, offset: event.queueOffset }));
      await until('both have consumed all', () =>
        Promise.resolve(ours.calls().length + messages().length >= 2_000 || undefined),
      );
      const byJava = new Set(messages().map(({ key }) => key));
      const byOurs = new Set(ours.calls().map((call) => call.queue));
      expect([...byJava].filter((queue) => byOurs.has(queue))).to.deep.equal([]);
      for (const [queue, count] of sent) {
        const offsets = byJava.has(queue)
          ? messages().filter(({ key }) => key === queue).map(({ offset }) => offset) // prettier-ignore
          : ours.calls().filter((call) => call.queue === queue).map((call) => call.offset); // prettier-ignore
        expect(offsets, queue).to.deep.equal(Array.from({ length: count }, (_, i) => i));
      }

      await member.stop();
      await until('ours owns all again', () => Promise.resolve(ours.owned().length === 8 || undefined));
      const rest = await send(topic, 800);
      await until('ours consumes what comes now', () => {
        const highest = new Map(ours.calls().map((call) => [call.queue, call.offset + 1]));
        return Promise.resolve([...rest].every(([queue, count]) => (highest.get(queue) ?? 0) >= count) || undefined);
      });
      expect(judge(ours.calls(), new Map()).overlaps).to.deep.equal([]);
    });
  });
});
