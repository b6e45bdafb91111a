import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'chai';
import type { OperationName } from '../../../../mock-broker/admin/operations.js';
import type { MockClusterOptions } from '../../../../mock-broker/index.js';
import { AdminRig } from './admin-rig.js';

interface Document {
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, { content: Record<string, { schema: object }> }> }>>; // prettier-ignore
}

type Client = AdminRig['client'];

/** A control plane whose every answer is held against its OpenAPI document. */
export class CheckedApi {
  readonly rig: AdminRig;
  /** What was asked for so far. */
  readonly asked = new Set<OperationName>();
  readonly #validators: ReadonlyMap<string, (answer: unknown) => string>;

  private constructor(rig: AdminRig, document: Document) {
    this.rig = rig;
    this.#validators = validatorsOf(document);
  }

  static async start(options: MockClusterOptions): Promise<CheckedApi> {
    const rig = await AdminRig.start(options);
    const { body } = await rig.fetch('/openapi.json');
    return new CheckedApi(rig, body as Document);
  }

  async ask<Name extends OperationName>(
    name: Name,
    ...args: Parameters<Client[Name]>
  ): Promise<Awaited<ReturnType<Client[Name]>>> {
    this.asked.add(name);
    const { client } = this.rig;
    const call = client[name] as (...given: typeof args) => Promise<unknown>;
    const answer = await call.apply(client, args);
    expect(this.#validators.get(name)?.(answer), name).to.equal('');
    return answer as Awaited<ReturnType<Client[Name]>>;
  }
}

/** What is wrong with an answer, by operation; nothing when it fits. */
function validatorsOf({ paths }: Document): ReadonlyMap<string, (answer: unknown) => string> {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });
  addFormats.default(ajv);
  const validators = new Map<string, (answer: unknown) => string>();
  for (const methods of Object.values(paths)) {
    for (const { operationId, responses } of Object.values(methods)) {
      const [content] = Object.values(responses).map((response) => response.content?.['application/json']);
      if (content === undefined) continue;
      const validate = ajv.compile(content.schema);
      validators.set(operationId, (answer) => (validate(answer) ? '' : ajv.errorsText(validate.errors)));
    }
  }
  return validators;
}
