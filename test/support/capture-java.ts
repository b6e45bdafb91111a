import { RequestCode } from '../../lib/protocol/codes.js';
import type { Recorder } from './capture-relay.js';
import { pull } from './capture-requests.js';
import { javaProduce, startJavaMember, type JavaMember, type JavaTarget } from './java-member.js';
import { RawConnection, type RawRequest } from './raw-connection.js';
import type { RealCluster } from './real-cluster.js';
import { until } from './until.js';

/** The situations the reference's Java client plays, through the relays. Each is recorded under `java/<situation>`. */

export interface JavaStage {
  readonly recorder: Recorder;
  readonly cluster: RealCluster;
  /** With the relay as its name server. */
  readonly target: JavaTarget;
  /** The broker itself, and through its relay. */
  readonly brokerDirect: string;
  readonly broker: string;
}

const TOPIC = 'CaptureJava';
const GROUP = 'capture-java';

export async function playJava(stage: JavaStage): Promise<void> {
  const { recorder, cluster, target } = stage;
  await cluster.createTopic(TOPIC, 2);
  recorder.situation = 'java/producer';
  const sent = await javaProduce(target, { topic: TOPIC, count: 4, keys: ['a', 'b'], tags: 'TagA' });
  recorder.situation = 'java/batch-producer';
  recorder.only = [RequestCode.SEND_BATCH_MESSAGE];
  await javaProduce(target, { topic: TOPIC, count: 3, batch: 3, keys: ['c'] });
  recorder.situation = 'java/delay-producer';
  recorder.only = [RequestCode.SEND_MESSAGE_V2];
  await javaProduce(target, { topic: TOPIC, count: 1, delayLevel: 1, keys: ['d'] });
  recorder.situation = 'java/consumer';
  recorder.only = undefined;
  const first = sent[0];
  if (first === undefined) throw new Error('the Java producer sent nothing');
  const consumer = await startJavaMember(target, { group: GROUP, topic: TOPIC, maxReconsume: 1, suspend: { b: 2 } });
  // 4 + 3 + 1 messages, one of them twice before it becomes a dead letter.
  await consumer.waitUntil('all messages', ({ messages }) => messages.length >= 9);
  recorder.situation = 'java/second-consumer';
  const second = await startJavaMember(target, { group: GROUP, topic: TOPIC });
  await second.waitUntil('a queue', ({ assigned }) => assigned.length === 1);
  await second.stop();
  await consumer.waitUntil('both queues', ({ assigned }) => assigned.length === 2);
  await playBrokerQuestions(stage, consumer, first.offsetMsgId);
  recorder.situation = 'java/consumer-shutdown';
  await consumer.stop();
  recorder.situation = 'setup';
  await playDeadLetter(stage);
  await playSql(stage);
  await playBinaryHeaders(stage);
  await playCompression(stage);
}

/** Only since 5.1.1 an ordered consumer's message ends as a dead letter; before, it goes round the retry topic for ever. */
async function playDeadLetter({ recorder, cluster, broker, brokerDirect }: JavaStage): Promise<void> {
  if (cluster.version.startsWith('4.')) return;
  const reply = await RawConnection.once(brokerDirect, pull(GROUP, `%DLQ%${GROUP}`, 0));
  if (reply.code !== 0) throw new Error('the Java consumer made no dead letter');
  recorder.situation = 'java/dead-letter-record';
  await RawConnection.once(broker, pull(GROUP, `%DLQ%${GROUP}`, 0));
  recorder.situation = 'setup';
}

/** 221, 307, 309 and 220, which a broker asks of a client when an administrator asks the broker. */
async function playBrokerQuestions(stage: JavaStage, consumer: JavaMember, offsetMsgId: string): Promise<void> {
  const ready = consumer.events.find((event) => event.event === 'READY');
  if (ready === undefined) throw new Error('the Java consumer is not ready');
  const { clientId } = ready;
  const ask = async (situation: string, request: RawRequest): Promise<void> => {
    stage.recorder.situation = `java/${situation}`;
    const reply = await RawConnection.once(stage.broker, { timeoutMs: 20_000, ...request });
    if (reply.code !== 0) throw new Error(`${situation}: ${reply.code} ${reply.remark ?? ''}`);
  };
  await ask('running-info', { code: 307, ext: { consumerGroup: GROUP, clientId, jstackEnable: false } });
  await ask('consumer-status', { code: 223, ext: { topic: TOPIC, group: GROUP, clientAddr: clientId } });
  await ask('consume-directly', {
    code: 309,
    ext: { consumerGroup: GROUP, clientId, msgId: offsetMsgId, brokerName: 'broker-a', topic: TOPIC },
  });
  // Since 5.x the broker keeps resets to itself unless told otherwise.
  await stage.cluster.protocolAdmin.ask(stage.brokerDirect, { code: 25, body: 'useServerSideResetOffset=false' });
  // It refuses to push a reset as long as a queue has no offset, and the member writes its own only after 10 s.
  for (const queueId of [0, 1]) {
    const ext = { consumerGroup: GROUP, topic: TOPIC, queueId, commitOffset: 1 };
    await stage.cluster.protocolAdmin.ask(stage.brokerDirect, { code: RequestCode.UPDATE_CONSUMER_OFFSET, ext });
  }
  const reset: RawRequest = { code: 222, ext: { topic: TOPIC, group: GROUP, timestamp: 1, isForce: true } };
  const before = consumer.messages.length;
  await ask('reset-offset', reset);
  await consumer.waitUntil('delivery from the start', ({ messages }) => messages.length >= before + 8);
  await playResetForCpp(stage, reset);
}

/** For a requester of the C++ language the broker writes the queues as a list. Taken by a member that only listens. */
async function playResetForCpp(stage: JavaStage, reset: RawRequest): Promise<void> {
  stage.recorder.situation = 'java/reset-offset-cpp';
  const before = stage.recorder.frames.length;
  await RawConnection.once(stage.broker, { ...reset, language: 'CPP' });
  await until('the reset was pushed', () => {
    const pushed = stage.recorder.frames
      .slice(before)
      .some((frame) => frame.name.includes('RESET_CONSUMER_CLIENT_OFFSET'));
    return Promise.resolve(pushed ? true : undefined);
  });
}

async function playSql({ recorder, target }: JavaStage): Promise<void> {
  recorder.situation = 'java/sql-consumer';
  recorder.only = [RequestCode.CHECK_CLIENT_CONFIG, RequestCode.HEART_BEAT, RequestCode.PULL_MESSAGE];
  const consumer = await startJavaMember(target, { group: `${GROUP}-sql`, topic: TOPIC, sql: 'index < 2' });
  await consumer.waitUntil('two messages', ({ messages }) => messages.length >= 2);
  await consumer.stop();
  recorder.only = undefined;
}

/** The same client told to write binary headers. */
async function playBinaryHeaders({ recorder, cluster, target }: JavaStage): Promise<void> {
  const topic = 'CaptureBinary';
  await cluster.createTopic(topic, 1);
  const binary: JavaTarget = { ...target, jvmOptions: ['-Drocketmq.serialize.type=ROCKETMQ'] };
  recorder.situation = 'java/binary-producer';
  await javaProduce(binary, { topic, count: 1 });
  recorder.situation = 'java/binary-consumer';
  const consumer = await startJavaMember(binary, { group: `${GROUP}-binary`, topic });
  await consumer.waitUntil('a message', ({ messages }) => messages.length === 1);
  await consumer.stop();
}

async function playCompression({ recorder, cluster, target, broker, brokerDirect }: JavaStage): Promise<void> {
  for (const compression of cluster.version.startsWith('4.')
    ? (['ZLIB'] as const)
    : (['ZLIB', 'LZ4', 'ZSTD'] as const)) {
    const topic = `Capture${compression}`;
    await cluster.createTopic(topic, 1);
    recorder.situation = `java/${compression.toLowerCase()}-producer`;
    recorder.only = [RequestCode.SEND_MESSAGE_V2];
    await javaProduce(target, { topic, count: 1, size: 600, compressAbove: 100, compression });
    recorder.situation = 'setup';
    recorder.only = undefined;
    await until(`${topic} has its message`, async () => {
      const reply = await RawConnection.once(brokerDirect, pull(GROUP, topic, 0));
      return reply.code === 0 ? true : undefined;
    });
    recorder.situation = `java/${compression.toLowerCase()}-record`;
    await RawConnection.once(broker, pull(GROUP, topic, 0));
  }
}
