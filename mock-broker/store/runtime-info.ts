import type { BrokerState } from '../broker-state.js';
import { versionName } from '../wire/version-name.js';
import type { TrafficMeter } from './traffic.js';

/**
 * What a broker says of how it fares, under the reference's names. What goes through it and what it keeps is true; the
 * mock waits for no disk and has no queues of threads, so it says of those what an idle broker does.
 */
export function runtimeInfo(broker: BrokerState): Record<string, string> {
  const { traffic, store } = broker;
  traffic.putDays.turn();
  traffic.getDays.turn();
  const oldest = store.oldest();
  const found = ratesOf(traffic.gets);
  return {
    ...IDLE,
    ...threadPools(broker),
    [`commitLogDiskRatio_${broker.settings.text('storePathCommitLog')}`]: '0.0',
    bootTimestamp: String(traffic.startedAt),
    ...(broker.options.isV4 ? { brokerVersion: String(broker.options.version) } : { brokerActive: 'true' }),
    brokerVersionDesc: versionName(broker.options.version),
    commitLogMaxOffset: String(store.nextPhysicalOffset),
    commitLogMinOffset: String(oldest?.physicalOffset ?? -1),
    earliestMessageTimeStamp: String(oldest?.storeTimestamp ?? -1),
    getFoundTps: found,
    getTotalTps: found,
    // A word that 4.9 spells its own way.
    [broker.options.isV4 ? 'getTransferedTps' : 'getTransferredTps']: found,
    msgGetTotalTodayMorning: String(traffic.getDays.todayMorning),
    msgGetTotalTodayNow: String(traffic.gets.total),
    msgGetTotalYesterdayMorning: String(traffic.getDays.yesterdayMorning),
    msgPutTotalTodayMorning: String(traffic.putDays.todayMorning),
    msgPutTotalTodayNow: String(traffic.puts.total),
    msgPutTotalYesterdayMorning: String(traffic.putDays.yesterdayMorning),
    putMessageAverageSize: String(traffic.puts.totalBytes / Math.max(1, traffic.puts.total)),
    putMessageSizeTotal: String(traffic.puts.totalBytes),
    putMessageTimesTotal: String(Math.max(1, traffic.puts.total)),
    putTps: ratesOf(traffic.puts),
    runtime: describeDuration(broker.now() - traffic.startedAt),
  };
}

/** Of queues, disks, timers and latencies. */
const IDLE: Readonly<Record<string, string>> = {
  EndTransactionQueueSize: '0',
  ackThreadPoolQueueHeadWaitTimeMills: '0',
  ackThreadPoolQueueSize: '0',
  commitLogDirCapacity: 'Total : 0 B, Free : 0 B.',
  commitLogDiskRatio: '0.0',
  consumeQueueDiskRatio: '0.0',
  dispatchBehindBytes: '0',
  dispatchMaxBuffer: '0',
  getMessageEntireTimeMax: '0',
  getMissTps: '0.0 0.0 0.0',
  litePullThreadPoolQueueHeadWaitTimeMills: '0',
  litePullThreadPoolQueueSize: '0',
  pageCacheLockTimeMills: '0',
  pullThreadPoolQueueHeadWaitTimeMills: '0',
  pullThreadPoolQueueSize: '0',
  putLatency99: '0.00',
  putLatency999: '0.00',
  putMessageDistributeTime: 'null',
  putMessageEntireTimeMax: '0',
  putMessageFailedTimes: '0',
  queryThreadPoolQueueHeadWaitTimeMills: '0',
  queryThreadPoolQueueSize: '0',
  remainHowManyDataToFlush: '0 B',
  remainTransientStoreBufferNumbs: '2147483647',
  sendThreadPoolQueueHeadWaitTimeMills: '0',
  sendThreadPoolQueueSize: '0',
  startAcceptSendRequestTimeStamp: '0',
  timerCongestNum: '0',
  timerDequeueTps: '0.0',
  timerEnqueueTps: '0.0',
  timerOffsetBehind: '0',
  timerReadBehind: '0',
};

/** The lengths its queues of waiting requests are configured with. */
function threadPools({ settings }: BrokerState): Record<string, string> {
  const pools = ['send', 'pull', 'litePull', 'query', 'ack'].map((name) => {
    const capacity = `${name}ThreadPoolQueueCapacity`;
    return [capacity, settings.text(capacity)] as const;
  });
  return {
    ...Object.fromEntries(pools),
    EndTransactionThreadPoolQueueCapacity: settings.text('endTransactionPoolQueueCapacity'),
  };
}

/** Messages per second over ten seconds, a minute and ten minutes. */
function ratesOf(meter: TrafficMeter): string {
  return [10_000, 60_000, 600_000].map((windowMs) => meter.perSecond(windowMs).toFixed(6)).join(' ');
}

function describeDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    `${Math.floor(seconds / 86_400)} days`,
    `${Math.floor(seconds / 3600) % 24} hours`,
    `${Math.floor(seconds / 60) % 60} minutes`,
    `${seconds % 60} seconds`,
  ];
  return `[ ${parts.join(', ')} ]`;
}
