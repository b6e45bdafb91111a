import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Producer } from '../../lib/index.js';
import { judge } from '../support/group-history.js';
import { MemberProcess } from '../support/member-process.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { until } from '../support/until.js';

/** A member is killed, and the other goes on as soon as the killed one's lease must have run out. */
describe('locks of a member that was killed', () => {
  let env: RealEnv;
  let dir: string;
  const members: MemberProcess[] = [];

  before(async () => {
    env = await realEnv();
    dir = mkdtempSync(join(tmpdir(), 'rocketmq-orphans-'));
  });

  afterEach(() => Promise.all(members.splice(0).map((member) => member.kill())));

  after(() => rmSync(dir, { recursive: true, force: true }));

  it('are released when its lease is over, on a broker as it is; nothing is lost or out of order', async () => {
    const topic = env.unique('orphans');
    const group = env.unique('orphans');
    const queues = 8;
    await env.createTopic(topic, queues / env.brokers.length);
    const join_ = async (name: string): Promise<MemberProcess> => {
      const member = await MemberProcess.start(name, {
        namesrvAddr: env.namesrvAddr,
        group,
        topic,
        log: join(dir, `${group}-${name}.log`),
        consumer: { lease: { renewEvery: 1_500, validFor: 5_000 }, orphanLocks: 'release' },
      });
      members.push(member);
      return member;
    };
    const survivor = await join_('survivor');
    const killed = await join_('killed');
    await until('each owns half', () =>
      Promise.resolve((survivor.owned().length === 4 && killed.owned().length === 4) || undefined),
    );
    const producer = new Producer({ namesrvAddr: env.namesrvAddr });
    await producer.start();
    const sent = new Map<string, number>();
    const send = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const shardingKey = `order-${i % 97}`;
        const { messageQueue, queueOffset } = await producer.send({ topic, shardingKey, body: Buffer.from(String(i)) });
        sent.set(`${messageQueue.brokerName}#${messageQueue.queueId}`, queueOffset + 1);
      }
    };
    await send(400);
    const killedAt = performance.now();
    await killed.kill();
    await send(400);
    await until('the survivor owns all', () => Promise.resolve(survivor.owned().length === queues || undefined), {
      timeoutMs: 30_000,
    });
    const tookMs = performance.now() - killedAt;
    await until('all is consumed', () => {
      const done = new Set(members.flatMap((member) => member.calls().map((call) => `${call.queue}@${call.offset}`)));
      return Promise.resolve(done.size >= 800 || undefined);
    });
    await producer.close();
    // Far below the 60 s of the broker, and never before the lease is over.
    expect(tookMs).to.be.within(5_000, 20_000);
    const verdict = judge(
      members.flatMap((member) => member.calls()),
      sent,
    );
    expect(verdict.orderViolations).to.deep.equal([]);
    expect(verdict.overlaps).to.deep.equal([]);
    expect(verdict.lost).to.deep.equal([]);
  });
});
