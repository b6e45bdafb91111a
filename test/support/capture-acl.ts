import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commonJvmOptions, writeLogConfig } from './real-cluster-config.js';
import { prepareJava, ROCKETMQ_VERSIONS, runJava, type RocketMQVersion } from './rocketmq-java.js';
import type { SignedRequest } from './signed-request.js';

/**
 * `npx tsx test/support/capture-acl.ts`: writes test/fixtures/acl/reference.json anew, requests and the signatures that
 * the Java client of each version gives them. Fails when the versions don't agree.
 */

type Unsigned = Omit<SignedRequest, 'signature'>;

const FILE = fileURLToPath(new URL('../fixtures/acl/reference.json', import.meta.url));

const KEYS = { accessKey: 'rocketmq2', secretKey: '12345678' };
const PULL = {
  consumerGroup: 'billing',
  topic: 'Orders',
  queueId: '3',
  queueOffset: '17',
  subVersion: '1700000000000',
};

function requests(): Unsigned[] {
  const hex = (text: string): string => Buffer.from(text).toString('hex');
  const request = (name: string, change: Partial<Unsigned>): Unsigned => {
    return { name, ...KEYS, fields: PULL, body: '', ...change };
  };
  return [
    request('fields, no body', {}),
    request('no fields, no body', { fields: {} }),
    request('a body, no fields', { fields: {}, body: hex('{"clientID":"10.0.0.1@1"}') }),
    request('fields and a body', { body: hex('42.00') }),
    request('empty values', { fields: { a: '', topic: 'Orders', z: '' }, body: hex('x') }),
    request('an empty name', { fields: { '': 'x', a: 'b' } }),
    request('a token', { securityToken: 'STS.NUgYrLnoC37mZJGtNdW/5z+=' }),
    request('an empty token', { securityToken: '' }),
    request('values that are not ASCII', { fields: { topic: 'Orders', i: 'name\u0001Müller ñ 中文 \u0002' } }),
    request('characters beyond 16 bits', { fields: { topic: 'Orders', i: '😀𝄞' }, body: hex('😀') }),
    request('surrogates without their other half', { fields: { a: '\ud83d', b: 'x\ude00y' } }),
    request('surrogates of two values that meet', { fields: { a: '\ud83d', b: '\ude00' } }),
    request('names that are not ASCII', { fields: { é: '1', z: '2', 中: '3', '😀': '4', '\uff5e': '5' } }),
    request('names by case and punctuation', {
      fields: { b: '1', B: '2', _: '3', a1: '4', a: '5', 'a-b': '6', A: '7' },
    }),
    request('names on either side of the keys', { fields: { Access: '1', AccessKeyX: '2', SecurityA: '3', Zz: '4' } }),
    request('numbers as names', { fields: { 10: 'ten', 9: 'nine', 1: 'one' } }),
    request('a signature of before', { fields: { ...PULL, Signature: 'old' } }),
    request('an access key of before', { fields: { ...PULL, AccessKey: 'old', SecurityToken: 'old' } }),
    request('a body that is no text', { body: '00ff80c3287f0a' }),
    request('a large body', { body: Buffer.alloc(10_000, 'rocketmq').toString('hex') }),
    request('keys that are not ASCII', { accessKey: 'schlüssel', secretKey: 'geheimnis-é-中-😀' }),
    request('a secret key longer than a block of the hash', { secretKey: 'k'.repeat(100) }),
  ];
}

/** As the Java program reads it. */
function line({ accessKey, secretKey, securityToken, fields, body }: Unsigned): string {
  const text = (value: string): string => {
    return value === '' ? '.' : Buffer.from(value, 'utf16le').swap16().toString('hex');
  };
  const pairs = Object.entries(fields).flatMap(([name, value]) => [text(name), text(value)]);
  const token = securityToken === undefined ? '-' : text(securityToken);
  return [text(accessKey), text(secretKey), token, body === '' ? '.' : body, ...pairs].join(' ');
}

async function signaturesOf(version: RocketMQVersion, folder: string, file: string): Promise<string[]> {
  const output = await runJava(await prepareJava(version), {
    mainClass: 'AclReference',
    args: [file],
    jvmOptions: commonJvmOptions(folder, false),
  });
  return output.trim().split('\n');
}

async function main(): Promise<void> {
  const unsigned = requests();
  const folder = mkdtempSync(join(tmpdir(), 'rocketmq-acl-'));
  try {
    const file = join(folder, 'requests');
    writeFileSync(file, unsigned.map(line).join('\n'));
    writeLogConfig(folder);
    const answers = await Promise.all(ROCKETMQ_VERSIONS.map((version) => signaturesOf(version, folder, file)));
    const signed = unsigned.map((request, index): SignedRequest => {
      const [signature, ...others] = answers.map((answer) => answer[index]);
      if (signature === undefined || others.some((other) => other !== signature)) {
        throw new Error(`${request.name}: the versions don't agree`);
      }
      return { ...request, signature };
    });
    mkdirSync(dirname(FILE), { recursive: true });
    writeFileSync(FILE, `[\n${signed.map((request) => JSON.stringify(request)).join(',\n')}\n]\n`);
    process.stdout.write(`${signed.length} requests signed by ${ROCKETMQ_VERSIONS.join(' and ')}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
