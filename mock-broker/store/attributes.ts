/** Attributes of topics and groups: which there are, and how they are changed, with the reference's words for refusals. */

export type Attributes = Readonly<Record<string, string>>;

/** A change that is refused. */
export class AttributeProblem extends Error {}

interface AttributeRule {
  /** Whether it can be changed once the topic or group is there. */
  readonly changeable: boolean;
  /** What is wrong with a value. */
  problem(value: string): string | undefined;
}

export type AttributeRules = Readonly<Record<string, AttributeRule>>;

const MAX_LONG = 2n ** 63n - 1n;

/** Those of 5.5.0. The order of the words is that of its refusals. */
export const TOPIC_ATTRIBUTES: AttributeRules = {
  'queue.type': oneOf(['SimpleCQ', 'BatchCQ'], false),
  'cleanup.policy': oneOf(['DELETE', 'COMPACTION'], false),
  'message.type': oneOf(['UNSPECIFIED', 'MIXED', 'TRANSACTION', 'PRIORITY', 'FIFO', 'DELAY', 'LITE', 'NORMAL'], true),
  'reserve.time': between(-1n, MAX_LONG),
  'lite.topic.expiration': between(-1n, MAX_LONG),
};

/** Those of 5.5.0. The mock has no lite topics, so what is said of those is taken as it is. */
export const GROUP_ATTRIBUTES: AttributeRules = {
  'priority.factor': between(0n, 100n),
  'lite.bind.topic': anything(),
  'lite.sub.model': anything(),
  'lite.sub.reset.offset.exclusive': anything(),
  'lite.sub.reset.offset.unsubscribe': anything(),
  'lite.sub.client.quota': anything(),
  'lite.sub.client.max.event.cnt': anything(),
  'lite.sub.wildcard': anything(),
};

/**
 * Reads `+name=value,-name`.
 *
 * @throws AttributeProblem
 */
export function parseAttributeChanges(text: string): Map<string, string> {
  const changes = new Map<string, string>();
  for (const change of text.split(',')) {
    if (change === '') continue;
    const [name = '', value] = change.split('=');
    const isAddition = change.includes('=');
    if (isAddition && !name.includes('+')) throw new AttributeProblem(`add/alter attribute format is wrong: ${name}`);
    if (!isAddition && !name.includes('-')) throw new AttributeProblem(`delete attribute format is wrong: ${name}`);
    // Java's own words for a value that is missing.
    if (isAddition && (value ?? '') === '') throw new AttributeProblem('Index 1 out of bounds for length 1');
    if (changes.has(name)) throw new AttributeProblem(`key duplication: ${name}`);
    changes.set(name, value ?? '');
  }
  return changes;
}

/**
 * The attributes after changes, whose names begin with `+` or `-`.
 *
 * @param known undefined for a topic or group that is made by this
 * @throws AttributeProblem
 */
export function changeAttributes(
  rules: AttributeRules,
  known: Attributes | undefined,
  changes: ReadonlyMap<string, string>,
): Attributes {
  const attributes = new Map(Object.entries(known ?? {}));
  for (const [signed, value] of changes) {
    const name = signed.slice(1);
    if (name === '' || /[+-]/.test(name)) throw new AttributeProblem('kv string format wrong.');
    const isDeletion = signed.startsWith('-');
    if (isDeletion && known === undefined) {
      throw new AttributeProblem(`only add attribute is supported while creating topic. key: ${name}`);
    }
    if (isDeletion && !attributes.has(name)) {
      throw new AttributeProblem(`attempt to delete a nonexistent key: ${name}`);
    }
    const rule = rules[name];
    if (rule === undefined) throw new AttributeProblem(`unsupported key: ${name}`);
    if (known !== undefined && !rule.changeable) {
      throw new AttributeProblem(`attempt to update an unchangeable attribute. key: ${name}`);
    }
    const problem = isDeletion ? undefined : rule.problem(value);
    if (problem !== undefined) throw new AttributeProblem(problem);
    if (isDeletion) attributes.delete(name);
    else attributes.set(name, value);
  }
  return Object.fromEntries(attributes);
}

function oneOf(values: readonly string[], changeable: boolean): AttributeRule {
  return {
    changeable,
    problem: (value) => (values.includes(value) ? undefined : `value is not in set: [${values.join(', ')}]`),
  };
}

function between(min: bigint, max: bigint): AttributeRule {
  return {
    changeable: true,
    problem(value) {
      if (!/^[+-]?\d+$/.test(value)) return `For input string: "${value}"`;
      const number = BigInt(value);
      return number < min || number > max ? `value is not in range(${min}, ${max})` : undefined;
    },
  };
}

function anything(): AttributeRule {
  return { changeable: true, problem: () => undefined };
}
