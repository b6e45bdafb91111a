import { expect } from 'chai';
import type { ConsumeOrderlyContext, OrderedConsumerOptions } from '../../lib/index.js';
import { numbered, type Delivered, type RealConsumer } from '../support/real-consumer.js';
import { realEnv, type RealEnv } from '../support/real-env.js';
import { RealRig } from '../support/real-rig.js';

/** Rule 7: with autoCommit off nothing is committed but by COMMIT, and ROLLBACK brings everything uncommitted again. */
describe('rule 7 on a real cluster: manual commit', () => {
  let env: RealEnv;
  let rig: RealRig;

  before(async () => {
    env = await realEnv();
  });

  beforeEach(() => {
    rig = new RealRig(env);
  });

  afterEach(() => rig.stop());

  /** A consumer that commits by hand. */
  function manual(
    group: string,
    topic: string,
    answer: (delivered: Delivered, context: ConsumeOrderlyContext) => unknown,
    options: Partial<OrderedConsumerOptions> = {},
  ): RealConsumer {
    const c = rig.consumer(group, {
      suspendCurrentQueueTimeMillis: 300,
      persistConsumerOffsetInterval: 100,
      ...options,
    });
    c.answer = (delivered, context) => {
      context.autoCommit = false;
      return answer(delivered, context);
    };
    c.consumer.subscribe(topic);
    return c;
  }

  it('SUCCESS, ROLLBACK, COMMIT and SUSPEND as they come; what was not committed comes again after a restart', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    const queue = rig.queue(topic);
    await rig.sendTogether(topic, numbered(6));
    const script = [
      ['0/0', 'SUCCESS'],
      ['1/0', 'SUCCESS'],
      ['2/0', 'ROLLBACK'],
      // A rollback counts no attempt.
      ['0/0', 'SUCCESS'],
      ['1/0', 'SUCCESS'],
      ['2/0', 'COMMIT'],
      ['3/0', 'SUCCESS'],
      ['4/0', 'SUSPEND_CURRENT_QUEUE_A_MOMENT'],
      // A suspension brings this message again, not those before it.
      ['4/1', 'SUCCESS'],
      ['5/0', 'SUCCESS'],
    ];
    const first = manual(group, topic, () => script[first.deliveries.length - 1]?.[1]);
    await first.start();
    await first.untilDelivered(script.length);
    expect(first.story).to.deep.equal(script.map(([delivered]) => delivered));
    for (const at of [2, 7]) {
      const rest = (first.deliveries[at + 1]?.at ?? 0) - (first.deliveries[at]?.at ?? 0);
      expect(rest, `the queue rests after call ${at}`).to.be.at.least(290);
    }
    await first.close();
    expect(await rig.committed(group, queue)).to.equal(3);
    expect(first.errors).to.deep.equal([]);

    const second = manual(group, topic, ({ offset }) => (offset === 5 ? 'COMMIT' : 'SUCCESS'));
    await second.start();
    await second.untilDelivered(3);
    expect(second.story).to.deep.equal(['3/0', '4/0', '5/0']);
    await rig.untilCommitted(group, queue, 6);
  });

  it('autoCommit may differ from call to call: a SUCCESS with it commits what was left before', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    await rig.send(topic, numbered(5));
    const c = manual(group, topic, ({ offset }, context) => {
      context.autoCommit = offset === 2;
      return 'SUCCESS';
    });
    await c.start();
    await c.untilDelivered(5);
    await c.close();
    expect(await rig.committed(group, rig.queue(topic))).to.equal(3);
  });

  it('a dead letter is done with, but committed only by the next COMMIT', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    const queue = rig.queue(topic);
    await rig.sendTogether(topic, numbered(3));
    const options = { maxReconsumeTimes: 0 };
    const answers = ['SUCCESS', 'SUSPEND_CURRENT_QUEUE_A_MOMENT', 'SUCCESS'];
    const first = manual(group, topic, ({ offset }) => answers[offset], options);
    await first.start();
    await first.untilDelivered(3);
    await first.event('deadLetter');
    await first.close();
    expect(await rig.committed(group, queue)).to.equal(0);

    const second = manual(group, topic, ({ offset }) => (offset === 2 ? 'COMMIT' : answers[offset]), options);
    await second.start();
    await second.untilDelivered(3);
    expect(second.story).to.deep.equal(['0/0', '1/0', '2/0']);
    await rig.untilCommitted(group, queue, 3);
  });

  it('a listener that never commits is fed until the buffer is full, and warned; all of it comes again to the next one', async () => {
    const topic = await rig.topic();
    const group = rig.group();
    for (let from = 0; from < 120; from += 40) await rig.sendTogether(topic, numbered(40, from));
    const first = manual(group, topic, () => 'SUCCESS', { pullThresholdForQueue: 50 });
    await first.start();
    const [warning] = await first.event('warning');
    expect(warning?.code).to.equal('UNCOMMITTED_BUFFER_FULL');
    expect(first.deliveries.length).to.be.within(51, 82);
    await first.close();
    expect(first.texts()).to.deep.equal(numbered(first.deliveries.length));
    expect(await rig.committed(group, rig.queue(topic))).to.equal(0);

    const second = manual(group, topic, ({ offset }) => (offset % 10 === 9 ? 'COMMIT' : 'SUCCESS'), {
      pullThresholdForQueue: 50,
    });
    await second.start();
    await second.untilDelivered(120);
    expect(second.texts()).to.deep.equal(numbered(120));
    await rig.untilCommitted(group, rig.queue(topic), 120);
    expect(second.events('warning')).to.deep.equal([]);
  });
});
