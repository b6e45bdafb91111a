import Type, { type Static, type TObject } from 'typebox';

/**
 * The form of a fault rule that travels: over HTTP, on the command line, in files. Each field's description is what a
 * refusal says is expected. Loaded only where such rules come in: a program that adds rules itself needs none of it.
 */

const strict = { additionalProperties: false } as const;

const names = (description: string) => Type.String({ minLength: 1, description });
const count = (description: string, minimum = 0) => Type.Integer({ minimum, maximum: 2 ** 53 - 1, description });
const oneOf = <const T extends string>(...values: readonly T[]) =>
  Type.Enum([...values], { description: values.join(', ') });

const Base64 = Type.String({
  pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
  description: 'bytes in base64',
});

/** Each action by its type, as JSON has it. */
export const FaultActionSchemas = {
  answer: Type.Object(
    {
      type: Type.Literal('answer'),
      code: Type.Integer({ minimum: -32_768, maximum: 32_767, description: 'a response code' }),
      remark: Type.Optional(Type.String({ description: 'a text' })),
      ext: Type.Optional(
        Type.Record(Type.String(), Type.String(), { description: 'header fields, all of them texts' }),
      ),
      bodyText: Type.Optional(Type.String({ description: 'a text' })),
      bodyBase64: Type.Optional(Base64),
    },
    { ...strict, description: 'this answer, and no effect' },
  ),
  delay: Type.Object(
    {
      type: Type.Literal('delay'),
      ms: Type.Number({ minimum: 0, description: 'milliseconds, 0 or more' }),
      when: Type.Optional(oneOf('before', 'after')),
    },
    { ...strict, description: 'a late answer; with when=before the effect is late, too' },
  ),
  drop: Type.Object({ type: Type.Literal('drop') }, { ...strict, description: 'neither effect nor answer' }),
  dropReply: Type.Object({ type: Type.Literal('dropReply') }, { ...strict, description: 'the effect, but no answer' }),
  duplicate: Type.Object({ type: Type.Literal('duplicate') }, { ...strict, description: 'the answer twice' }),
  raw: Type.Object(
    { type: Type.Literal('raw'), base64: Base64 },
    { ...strict, description: 'these bytes instead of an answer, and no effect' },
  ),
  close: Type.Object(
    { type: Type.Literal('close'), when: oneOf('before', 'before-reply', 'mid-frame', 'after') },
    { ...strict, description: 'the connection is closed' },
  ),
  halfOpen: Type.Object(
    {
      type: Type.Literal('halfOpen'),
      ms: Type.Optional(Type.Number({ minimum: 0, description: 'milliseconds, 0 or more' })),
    },
    { ...strict, description: 'the connection stays open and is silent from then on' },
  ),
  refuse: Type.Object(
    { type: Type.Literal('refuse') },
    { ...strict, description: 'new connections are closed at once' },
  ),
  chunk: Type.Object(
    { type: Type.Literal('chunk'), size: count('bytes, 1 or more', 1) },
    { ...strict, description: 'the answer in pieces' },
  ),
  coalesce: Type.Object(
    { type: Type.Literal('coalesce'), frames: count('a number of frames, 2 or more', 2) },
    { ...strict, description: 'answers kept until so many can be sent in one write' },
  ),
  throttle: Type.Object(
    { type: Type.Literal('throttle'), bytesPerSecond: count('bytes, 1 or more', 1) },
    { ...strict, description: 'the answer trickles in' },
  ),
  corrupt: Type.Object(
    { type: Type.Literal('corrupt'), what: oneOf('length', 'header', 'magic', 'crc', 'compression', 'truncate') },
    { ...strict, description: 'the answer with damaged bytes' },
  ),
  lock: Type.Object(
    {
      type: Type.Literal('lock'),
      do: oneOf('refuse', 'grant', 'steal', 'expire', 'forget'),
      by: Type.Optional(names('a client id')),
    },
    { ...strict, description: 'of LOCK_BATCH_MQ' },
  ),
  offset: Type.Object(
    {
      type: Type.Literal('offset'),
      do: oneOf('rollBack', 'refuse', 'lose', 'none', 'moveMin'),
      by: Type.Optional(count('a number of messages, 0 or more')),
      to: Type.Optional(count('an offset')),
    },
    { ...strict, description: 'of commits, in pulls too; none of QUERY_CONSUMER_OFFSET; moveMin of pulls, too' },
  ),
  members: Type.Object(
    {
      type: Type.Literal('members'),
      remove: Type.Optional(Type.Array(names('a client id'), { description: 'client ids' })),
      add: Type.Optional(Type.Array(names('a client id'), { description: 'client ids' })),
    },
    { ...strict, description: 'of GET_CONSUMER_LIST_BY_GROUP' },
  ),
  pull: Type.Object(
    {
      type: Type.Literal('pull'),
      do: oneOf('illegalOffset', 'wrongNextOffset', 'flowControl', 'empty', 'disorder'),
      offset: Type.Optional(count('an offset')),
      delta: Type.Optional(Type.Integer({ description: 'a whole number' })),
    },
    { ...strict, description: 'of pulls' },
  ),
} as const satisfies Record<string, TObject>;

const S = FaultActionSchemas;
const ACTIONS = [S.answer, S.delay, S.drop, S.dropReply, S.duplicate, S.raw, S.close, S.halfOpen, S.refuse, S.chunk, S.coalesce, S.throttle, S.corrupt, S.lock, S.offset, S.members, S.pull] as const; // prettier-ignore

export const FaultActionSchema = Type.Union([...ACTIONS], {
  description: `an action with a type: ${Object.keys(FaultActionSchemas).join(', ')}`,
});

/** A request by its number or name. */
export const RequestCodeSchema = Type.Union(
  [Type.Integer({ minimum: 0, maximum: 2_147_483_647 }), Type.String({ minLength: 1 })],
  { description: 'a request code or its name' },
);
const Code = RequestCodeSchema;

const RULE_FIELDS = {
  code: Type.Optional(
    Type.Union([Code, Type.Array(Code)], { description: 'a request code or its name, or a list of them' }),
  ),
  broker: Type.Optional(names('the name of a broker, or namesrv')),
  clientId: Type.Optional(names('a client id')),
  group: Type.Optional(names('the name of a group')),
  topic: Type.Optional(names('the name of a topic')),
  queueId: Type.Optional(count('a queue id')),
  connection: Type.Optional(count('the number of a connection')),
  after: Type.Optional(count('how many requests to let pass first')),
  times: Type.Optional(count('how often it fires, 1 or more', 1)),
  probability: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'a number from 0 to 1' })),
  seed: Type.Optional(Type.Integer({ description: 'a whole number' })),
};

export const FaultRuleSchema = Type.Object(
  { ...RULE_FIELDS, action: FaultActionSchema },
  { ...strict, description: 'a fault rule' },
);

/** A rule as JSON has it. */
export type FaultRuleJson = Static<typeof FaultRuleSchema>;

/** The fields without the action, which is checked by its type: a union's refusal would name no field. */
export const RuleWithoutActionSchema = Type.Object(
  { ...RULE_FIELDS, action: Type.Object({ type: Type.String() }) },
  strict,
);

/** A fault for people and programs elsewhere. */
export const FaultDescriptionSchema = Type.Object({
  id: Type.String(),
  rule: Type.Record(Type.String(), Type.Unknown()),
  hits: Type.Integer({ minimum: 0 }),
  matched: Type.Integer({ minimum: 0 }),
});
export type FaultDescription = Static<typeof FaultDescriptionSchema>;
