import { MASTER_ID } from '../../lib/protocol/topic-route.js';
import { BROKER_DEFAULTS } from './broker-defaults.js';
import { Settings } from './settings.js';
import { STORE_DEFAULTS } from './store-defaults.js';

/** What a broker of the mock is configured with. */
export interface BrokerSettingsSource {
  readonly name: string;
  readonly cluster: string;
  readonly isReplica: boolean;
  readonly options: {
    readonly advertisedHost: string;
    readonly autoCreateTopicEnable: boolean;
    readonly autoCreateSubscriptionGroup: boolean;
    readonly enablePropertyFilter: boolean;
    readonly serverSideResetOffset: boolean;
    readonly transactionTimeoutMs: number;
    readonly transactionCheckIntervalMs: number;
    readonly transactionCheckMax: number;
  };
}

/** Changing these is refused, as the reference does. */
const LOCKED = ['brokerConfigPath', 'rocketmqHome', 'configBlackList'];

/** The settings of a broker. Only those named here have an effect in the mock; the others are kept for whoever asks. */
export function brokerSettings({ name, cluster, isReplica, options }: BrokerSettingsSource): Settings {
  return new Settings(`${BROKER_DEFAULTS}${STORE_DEFAULTS}`, {
    brokerName: name,
    brokerClusterName: cluster,
    brokerId: isReplica ? MASTER_ID + 1 : MASTER_ID,
    brokerRole: isReplica ? 'SLAVE' : 'ASYNC_MASTER',
    brokerIP1: options.advertisedHost,
    autoCreateTopicEnable: options.autoCreateTopicEnable,
    autoCreateSubscriptionGroup: options.autoCreateSubscriptionGroup,
    enablePropertyFilter: options.enablePropertyFilter,
    useServerSideResetOffset: options.serverSideResetOffset,
    transactionTimeOut: options.transactionTimeoutMs,
    transactionCheckInterval: options.transactionCheckIntervalMs,
    transactionCheckMax: options.transactionCheckMax,
  });
}

/** Whether these changes contain one that is refused. */
export function isLocked(changes: ReadonlyMap<string, string>, locked: readonly string[] = LOCKED): boolean {
  return locked.some((name) => changes.has(name));
}
