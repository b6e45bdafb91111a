import type { RealCluster } from './real-cluster.js';
import type { Acl } from './real-cluster-config.js';

/** Accounts of a real cluster with access control, besides the one that may do everything. */

const UPDATE_AND_CREATE_ACL_CONFIG = 50;
const AUTH_CREATE_USER = 3001;
const AUTH_CREATE_ACL = 3006;

export interface Account extends Acl {
  /** What it may do with which topic; nothing with any other. */
  readonly topics: Readonly<Record<string, readonly ('PUB' | 'SUB')[]>>;
  /** The groups it may consume in. */
  readonly groups: readonly string[];
}

/** Makes it known to every broker: 4.x has accounts in a file, 5.x has users and, for each, a list of what it may do. */
export async function createAccount(cluster: RealCluster, account: Account): Promise<void> {
  const create = cluster.version.startsWith('4.') ? createV4 : createV5;
  for (const { address } of cluster.brokers) await create(cluster, address, account);
}

async function createV4(cluster: RealCluster, address: string, account: Account): Promise<void> {
  const { accessKey, secretKey, topics, groups } = account;
  const topicPerms = Object.entries(topics).map(([topic, actions]) => `${topic}=${actions.join('|')}`);
  await cluster.protocolAdmin.ask(address, {
    code: UPDATE_AND_CREATE_ACL_CONFIG,
    ext: {
      accessKey,
      secretKey,
      admin: false,
      defaultTopicPerm: 'DENY',
      defaultGroupPerm: 'DENY',
      topicPerms: topicPerms.join(','),
      groupPerms: groups.map((group) => `${group}=SUB`).join(','),
    },
  });
}

async function createV5(cluster: RealCluster, address: string, account: Account): Promise<void> {
  const { accessKey: username, secretKey: password, topics, groups } = account;
  const { protocolAdmin } = cluster;
  await protocolAdmin.ask(address, {
    code: AUTH_CREATE_USER,
    ext: { username },
    body: { username, password, userType: 'Normal' },
  });
  const entry = (resource: string, actions: readonly string[]): object => {
    return { resource, actions, sourceIps: [], decision: 'Allow' };
  };
  const subject = `User:${username}`;
  const entries = [
    ...Object.entries(topics).map(([topic, actions]) => entry(`Topic:${topic}`, actions)),
    ...groups.map((group) => entry(`Group:${group}`, ['SUB'])),
  ];
  await protocolAdmin.ask(address, {
    code: AUTH_CREATE_ACL,
    ext: { subject },
    body: { subject, policies: [{ policyType: 'Custom', entries }] },
  });
}
