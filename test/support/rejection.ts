import { AssertionError } from 'chai';

/** The error a promise rejects with, of the expected class. Fails when it resolves or rejects with another. */
export async function rejection<E extends Error>(
  promise: Promise<unknown>,
  errorClass: new (...args: never[]) => E,
): Promise<E> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (error instanceof errorClass) return error;
    throw new AssertionError(`expected a ${errorClass.name}, got ${String(error)}`);
  }
  throw new AssertionError(`expected a ${errorClass.name}, but it resolved with ${String(value)}`);
}
