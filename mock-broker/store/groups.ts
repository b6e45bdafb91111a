import type { JsonObject } from '../../lib/protocol/json-fields.js';
import type { Attributes } from './attributes.js';
import { groupNameProblem } from './names.js';

/** Configurations of consumer groups, as an administrator makes them. Not to be confused with who is connected. */

export interface GroupConfig {
  readonly name: string;
  /** Whether the group may pull. */
  readonly consumeEnable: boolean;
  /** Stored only: the reference keeps it, and does nothing with it. */
  readonly consumeFromMinEnable: boolean;
  /** Whether its members may consume in broadcasting mode. */
  readonly consumeBroadcastEnable: boolean;
  /** Whether members that pop get the messages of a queue one batch after the other. */
  readonly consumeMessageOrderly: boolean;
  /** Queues of its retry topic. */
  readonly retryQueueNums: number;
  /** How often a message goes through the retry topic before it goes to the dead letter topic. */
  readonly retryMaxTimes: number;
  /** Whether members are told when others come and go. */
  readonly notifyConsumerIdsChangedEnable: boolean;
  /** Stored only: the broker id to pull from. */
  readonly brokerId: number;
  /** Stored only: the broker id to suggest to slow consumers. */
  readonly whichBrokerWhenConsumeSlowly: number;
  /** Travels with pulled messages; 1 stands for a unit. */
  readonly groupSysFlag: number;
  /** Stored only: the reference gives it to consumers that ask for it. */
  readonly consumeTimeoutMinute: number;
  /** Stored only, as it came: the reference's proxy goes by it. */
  readonly retryPolicy: JsonObject;
  /** Stored only: such as `priority.factor` -> `5`. */
  readonly attributes: Attributes;
}

/** The reference's defaults. */
const DEFAULTS: Omit<GroupConfig, 'name'> = {
  consumeEnable: true,
  consumeFromMinEnable: true,
  consumeBroadcastEnable: true,
  consumeMessageOrderly: false,
  retryQueueNums: 1,
  retryMaxTimes: 16,
  notifyConsumerIdsChangedEnable: true,
  brokerId: 0,
  whichBrokerWhenConsumeSlowly: 1,
  groupSysFlag: 0,
  consumeTimeoutMinute: 15,
  retryPolicy: { type: 'CUSTOMIZED' },
  attributes: {},
};

/** Groups that every broker has. */
const SYSTEM_GROUPS = [
  'TOOLS_CONSUMER',
  'FILTERSRV_CONSUMER',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PULL',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_RMQ_SYS_TRANS',
];
const SYSTEM_GROUP_PREFIX = 'CID_RMQ_SYS_';

export class GroupTable {
  readonly #autoCreate: () => boolean;
  readonly #checkNames: boolean;
  readonly #groups = new Map<string, GroupConfig>();
  #changes = 0;

  /**
   * @param autoCreate whether an unknown group is made up; asked each time
   * @param checkNames whether only groups of legal names are made up; brokers of 4.9 don't care
   */
  constructor(autoCreate: () => boolean, checkNames: boolean) {
    this.#autoCreate = autoCreate;
    this.#checkNames = checkNames;
    for (const name of SYSTEM_GROUPS) this.put(name);
  }

  /** The group's configuration, made up on the spot when that is allowed. */
  find(name: string): GroupConfig | undefined {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    if (!this.#autoCreate() && !name.startsWith(SYSTEM_GROUP_PREFIX)) return undefined;
    return this.#checkNames && groupNameProblem(name) !== undefined ? undefined : this.put(name);
  }

  all(): GroupConfig[] {
    return [...this.#groups.values()];
  }

  /** How often something was changed. */
  get changes(): number {
    return this.#changes;
  }

  /** The group's configuration if it is there already; never creates it. */
  get(name: string): GroupConfig | undefined {
    return this.#groups.get(name);
  }

  /** Whether the group is there already; never creates it. */
  has(name: string): boolean {
    return this.#groups.has(name);
  }

  /** Creates or changes. */
  put(name: string, change: Partial<Omit<GroupConfig, 'name'>> = {}): GroupConfig {
    const group: GroupConfig = { ...(this.#groups.get(name) ?? DEFAULTS), ...change, name };
    this.#groups.set(name, group);
    this.#changes += 1;
    return group;
  }

  delete(name: string): void {
    if (this.#groups.delete(name)) this.#changes += 1;
  }
}
