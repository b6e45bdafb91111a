import type { MockCluster } from '../../cluster.js';
import type { AnswerOf, InputOf } from '../contract.js';
import type { OperationName } from '../operations.js';

/** What carries an operation out. Its input was checked; what it throws is answered with the status that fits. */
export type AdminHandler<Name extends OperationName> = (
  cluster: MockCluster,
  input: InputOf<Name>,
) => AnswerOf<Name> | Promise<AnswerOf<Name>>;

/** The handlers of some operations. */
export type AdminHandlers<Names extends OperationName> = { readonly [Name in Names]: AdminHandler<Name> };

export const DONE = { done: true } as const;

/** The page of a list that was asked for without a size. */
export const DEFAULT_LIMIT = 100;
