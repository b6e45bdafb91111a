import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { playJava } from './capture-java.js';
import { LONG_GROUP, playBroker, playNameServer, playRecordForms } from './capture-raw.js';
import { Recorder, startRelay } from './capture-relay.js';
import { javaTarget } from './java-member.js';
import { RawConnection } from './raw-connection.js';
import { startRealCluster, type RealBroker } from './real-cluster.js';
import { isRocketMQVersion, ROCKETMQ_VERSIONS, type RocketMQVersion } from './rocketmq-java.js';

/**
 * `npm run capture [-- <version>...]`: writes test/fixtures/frames-<version>.jsonl anew, from the traffic of Apache
 * RocketMQ itself. One frame per line; its name says who spoke in which situation:
 *
 *     raw/<situation>/<REQUEST>/request                 asked by hand, by the fields of capture-raw.ts
 *     raw/<situation>/<REQUEST>/response.<CODE>         the broker's answer, its own bytes
 *     java/<situation>/<REQUEST>/request|oneway|...     the Java client's bytes (out) and the broker's (in)
 *
 * A second frame of the same name ends in `#2`; more are not kept. Offsets, times and ports differ from run to run.
 */

const MAX_FILE_BYTES = 300_000;

async function capture(version: RocketMQVersion): Promise<void> {
  const recorder = new Recorder(version);
  const cluster = await startRealCluster({
    version,
    // An address of IPv6 can only come from a broker that listens on all addresses.
    brokerConfig: {
      bindAddress: '0.0.0.0',
      enableShutdownGracefully: 'true',
      shutdownWaitTimeSeconds: '3',
    },
    // Too long for any request to make it; what a broker of an older configuration may have.
    storeFiles: { 'subscriptionGroup.json': { subscriptionGroupTable: { [LONG_GROUP]: { groupName: LONG_GROUP } } } },
  });
  const [broker] = cluster.brokers;
  if (broker === undefined) throw new Error('the cluster has no broker');
  const brokerRelay = await startRelay({ target: broker.address, recorder });
  const namesrvRelay = await startRelay({
    target: cluster.namesrvAddr,
    recorder,
    rewrite: new Map([[broker.address, brokerRelay.address]]),
  });
  try {
    const raw = {
      recorder,
      version,
      namesrv: namesrvRelay.address,
      broker: brokerRelay.address,
      brokerDirect: broker.address,
    };
    await playBroker(raw);
    await playNameServer(raw);
    await playRecordForms(raw);
    await playJava({
      recorder,
      cluster,
      target: javaTarget(cluster.describe(), namesrvRelay.address),
      broker: brokerRelay.address,
      brokerDirect: broker.address,
    });
    if (version.startsWith('5.')) await playGoAway(recorder, broker, brokerRelay.address);
  } finally {
    await brokerRelay.close();
    await namesrvRelay.close();
    await cluster.stop();
  }
  write(version, recorder);
}

/** A broker told to shut down gracefully answers GO_AWAY for a while before it closes its connections. */
async function playGoAway(recorder: Recorder, broker: RealBroker, relay: string): Promise<void> {
  const connection = await RawConnection.connect(relay);
  const stopped = broker.stop();
  for (;;) {
    recorder.situation = 'setup';
    const reply = await connection.request({ code: 30, ext: { topic: 'CaptureRaw', queueId: 0 } });
    if (reply.code === 1500) break;
  }
  recorder.situation = 'raw/go-away';
  await connection.request({ code: 30, ext: { topic: 'CaptureRaw', queueId: 0 } });
  recorder.situation = 'setup';
  await broker.kill();
  await stopped;
}

function write(version: RocketMQVersion, recorder: Recorder): void {
  const text = recorder.frames.map((frame) => `${JSON.stringify(frame)}\n`).join('');
  if (text.length > MAX_FILE_BYTES) throw new Error(`the frames of ${version} take ${text.length} bytes`);
  const file = fileURLToPath(new URL(`../fixtures/frames-${version}.jsonl`, import.meta.url));
  writeFileSync(file, text);
  process.stdout.write(`${file}: ${recorder.frames.length} frames, ${text.length} bytes\n`);
}

const asked = process.argv.slice(2).filter(isRocketMQVersion);
for (const version of asked.length > 0 ? asked : ROCKETMQ_VERSIONS) await capture(version);
