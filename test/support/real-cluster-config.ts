import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RocketMQVersion } from './rocketmq-java.js';

/** The configuration files and JVM options of a name server and its brokers on the loopback interface. */

export const TLS_FIXTURES = fileURLToPath(new URL('../fixtures/tls/', import.meta.url));

export interface Acl {
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface NodePlan {
  readonly version: RocketMQVersion;
  /** ROCKETMQ_HOME, and the Java user.home, so that nothing is written elsewhere. */
  readonly home: string;
  readonly port: number;
}

export interface BrokerPlan extends NodePlan {
  readonly name: string;
  /** 0 is the master; a slave has its master's name and another id. */
  readonly brokerId: number;
  readonly namesrvAddr: string;
  readonly extra: Readonly<Record<string, string>>;
  readonly acl: Acl | undefined;
  /** Files of store/config to start with, by name. */
  readonly storeFiles: Readonly<Record<string, object>>;
}

function writeProperties(file: string, properties: Readonly<Record<string, string | number | boolean>>): string {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(file, lines.join(''));
  return file;
}

/** 4.x does not start without these files; 5.x is told of its own by a property, else it writes its setup to stdout. */
export function writeLogConfig(home: string): void {
  mkdirSync(join(home, 'conf'), { recursive: true });
  mkdirSync(join(home, 'logs'), { recursive: true });
  for (const part of ['namesrv', 'broker', 'tools']) writeLogback(home, `logback_${part}.xml`, '');
  writeLogback(home, LOGBACK_5, 'org.apache.rocketmq.logging.');
}

const LOGBACK_5 = 'logback_5.xml';

function writeLogback(home: string, name: string, packagePrefix: string): void {
  writeFileSync(
    join(home, 'conf', name),
    `<configuration><appender name="F" class="${packagePrefix}ch.qos.logback.core.FileAppender">` +
      `<file>${join(home, 'logs', 'rocketmq.log')}</file>` +
      '<encoder><pattern>%d %p %m%n%ex</pattern></encoder></appender>' +
      '<root level="WARN"><appender-ref ref="F"/></root></configuration>\n',
  );
}

export function writeNameServerConfig(plan: NodePlan): string {
  return writeProperties(join(plan.home, 'conf', 'namesrv.conf'), {
    listenPort: plan.port,
    // 5.x only; 4.x always binds every address.
    bindAddress: '127.0.0.1',
  });
}

export function writeBrokerConfig(plan: BrokerPlan): string {
  const store = join(plan.home, 'store');
  mkdirSync(join(store, 'config'), { recursive: true });
  for (const [name, content] of Object.entries(plan.storeFiles)) {
    writeFileSync(join(store, 'config', name), JSON.stringify(content));
  }
  return writeProperties(join(plan.home, 'conf', 'broker.conf'), {
    brokerClusterName: 'DefaultCluster',
    brokerName: plan.name,
    brokerId: plan.brokerId,
    brokerRole: plan.brokerId === 0 ? 'ASYNC_MASTER' : 'SLAVE',
    brokerIP1: '127.0.0.1',
    brokerIP2: '127.0.0.1',
    bindAddress: '127.0.0.1',
    listenPort: plan.port,
    haListenPort: plan.port + 1,
    namesrvAddr: plan.namesrvAddr,
    storePathRootDir: store,
    storePathCommitLog: join(store, 'commitlog'),
    autoCreateTopicEnable: true,
    autoCreateSubscriptionGroup: true,
    enablePropertyFilter: true,
    flushDiskType: 'ASYNC_FLUSH',
    // Small files: a test writes little, and the reference's 1 GiB is allocated at once. 4.x knows the old spelling.
    mappedFileSizeCommitLog: 64 * 1024 * 1024,
    mapedFileSizeCommitLog: 64 * 1024 * 1024,
    mappedFileSizeConsumeQueue: 20 * 20_000,
    mapedFileSizeConsumeQueue: 20 * 20_000,
    maxIndexNum: 20_000,
    maxHashSlot: 5_000,
    // A full disk of the build machine is not these tests' business.
    diskMaxUsedSpaceRatio: 95,
    ...aclProperties(plan),
    ...plan.extra,
  });
}

/** 5.x checks users of its own store, 4.x those of a file. In both the one account may do everything. */
function aclProperties(plan: BrokerPlan): Record<string, string | boolean> {
  const { acl } = plan;
  if (acl === undefined) return {};
  writeToolsAcl(plan.home, acl);
  if (plan.version.startsWith('4.')) {
    writeFileSync(
      join(plan.home, 'conf', 'plain_acl.yml'),
      `accounts:\n- accessKey: ${acl.accessKey}\n  secretKey: ${acl.secretKey}\n  whiteRemoteAddress:\n  admin: true\n`,
    );
    return { aclEnable: true };
  }
  return {
    authenticationEnabled: true,
    authenticationProvider: 'org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider',
    authenticationMetadataProvider:
      'org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider',
    initAuthenticationUser: JSON.stringify({ username: acl.accessKey, password: acl.secretKey }),
    innerClientAuthenticationCredentials: JSON.stringify({ accessKey: acl.accessKey, secretKey: acl.secretKey }),
    authorizationEnabled: true,
    authorizationProvider: 'org.apache.rocketmq.auth.authorization.provider.DefaultAuthorizationProvider',
    authorizationMetadataProvider: 'org.apache.rocketmq.auth.authorization.provider.LocalAuthorizationMetadataProvider',
  };
}

/** What the administration tool signs with. */
export function writeToolsAcl(home: string, acl: Acl): void {
  writeFileSync(join(home, 'conf', 'tools.yml'), `accessKey: ${acl.accessKey}\nsecretKey: ${acl.secretKey}\n`);
}

export function commonJvmOptions(home: string, tls: boolean): string[] {
  const options = [
    `-Duser.home=${home}`,
    `-Drmq.logback.configurationFile=${join(home, 'conf', LOGBACK_5)}`,
    '-Drocketmq.broker.diskSpaceWarningLevelRatio=0.98',
  ];
  // "disabled" spares each start the making of a self-signed certificate, a second or two.
  if (!tls) return [...options, '-Dtls.server.mode=disabled'];
  return [
    ...options,
    '-Dtls.server.mode=enforcing',
    '-Dtls.test.mode.enable=false',
    `-Dtls.server.keyPath=${TLS_FIXTURES}server-key.pem`,
    `-Dtls.server.certPath=${TLS_FIXTURES}server.pem`,
    '-Dtls.enable=true',
    '-Dtls.client.authServer=true',
    `-Dtls.client.trustCertPath=${TLS_FIXTURES}ca.pem`,
  ];
}
