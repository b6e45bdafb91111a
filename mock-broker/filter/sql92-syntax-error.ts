import { RocketMQError } from '../../lib/errors.js';

/** Characters that are shown of what was found: it must not flood a log. */
const LONGEST_FOUND = 80;

/** A SQL92 expression that a broker refuses: it can't be read, or it could never mean anything. */
export class Sql92SyntaxError extends RocketMQError {
  /** Where in the expression, counted from 0; its length when something is missing at the end. */
  readonly position: number;
  /** What would have been acceptable there, in words. */
  readonly expected: string;

  constructor(expression: string, position: number, expected: string, found: string) {
    const shown = found.length > LONGEST_FOUND ? `${found.slice(0, LONGEST_FOUND)}...` : found;
    super(`SQL92 expression, at character ${position + 1}: expected ${expected}, found ${shown}`, {
      code: 'ERR_ROCKETMQ_SQL92_SYNTAX',
      retryable: false,
      context: { expression, position, expected, found: shown },
    });
    this.position = position;
    this.expected = expected;
  }
}
