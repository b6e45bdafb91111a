import { groupNameProblem } from './names.js';

/** Configurations of consumer groups, as an administrator makes them. Not to be confused with who is connected. */

export interface GroupConfig {
  readonly name: string;
  /** Whether the group may pull. */
  readonly consumeEnable: boolean;
  /** Whether its members may consume in broadcasting mode. */
  readonly consumeBroadcastEnable: boolean;
  /** Queues of its retry topic. */
  readonly retryQueueNums: number;
  /** How often a message goes through the retry topic before it goes to the dead letter topic. */
  readonly retryMaxTimes: number;
  /** Whether members are told when others come and go. */
  readonly notifyConsumerIdsChangedEnable: boolean;
}

/** The reference's defaults. */
const DEFAULTS: Omit<GroupConfig, 'name'> = {
  consumeEnable: true,
  consumeBroadcastEnable: true,
  retryQueueNums: 1,
  retryMaxTimes: 16,
  notifyConsumerIdsChangedEnable: true,
};

/** Groups that every broker has. */
const SYSTEM_GROUPS = ['TOOLS_CONSUMER', 'FILTERSRV_CONSUMER', 'SELF_TEST_C_GROUP', 'CID_RMQ_SYS_TRANS'];
const SYSTEM_GROUP_PREFIX = 'CID_RMQ_SYS_';

export class GroupTable {
  readonly #autoCreate: boolean;
  readonly #checkNames: boolean;
  readonly #groups = new Map<string, GroupConfig>();

  /** @param checkNames whether only groups of legal names are made up; brokers of 4.9 don't care */
  constructor(autoCreate: boolean, checkNames: boolean) {
    this.#autoCreate = autoCreate;
    this.#checkNames = checkNames;
    for (const name of SYSTEM_GROUPS) this.put(name);
  }

  /** The group's configuration, made up on the spot when that is allowed. */
  find(name: string): GroupConfig | undefined {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    if (!this.#autoCreate && !name.startsWith(SYSTEM_GROUP_PREFIX)) return undefined;
    return this.#checkNames && groupNameProblem(name) !== undefined ? undefined : this.put(name);
  }

  /** Whether the group is there already; never creates it. */
  has(name: string): boolean {
    return this.#groups.has(name);
  }

  /** Creates or changes. */
  put(name: string, change: Partial<Omit<GroupConfig, 'name'>> = {}): GroupConfig {
    const group: GroupConfig = { ...(this.#groups.get(name) ?? DEFAULTS), ...change, name };
    this.#groups.set(name, group);
    return group;
  }
}
