import { buildInput, type FuzzCase } from './case.js';

/** Whether an input still fails in the same way. */
export type StillFails = (input: Buffer) => Promise<boolean>;

/** Looks at inputs that are allowed in all: a slow failure must not be looked at for ever. */
export interface Budget {
  looks: number;
  /** Milliseconds. */
  readonly until: number;
}

/** A smaller input with the same failure: first without the steps that don't matter, then without the bytes. */
export async function shrinkCase(fuzzCase: FuzzCase, stillFails: StillFails, budget: Budget): Promise<Buffer> {
  const taken = new Set(fuzzCase.steps.keys());
  for (const step of fuzzCase.steps.keys()) {
    taken.delete(step);
    if (
      !(await look(
        buildInput(fuzzCase, (i) => taken.has(i)),
        stillFails,
        budget,
      ))
    )
      taken.add(step);
  }
  return shrinkBytes(
    buildInput(fuzzCase, (i) => taken.has(i)),
    stillFails,
    budget,
  );
}

/** Leaves out ever smaller runs of bytes, then makes zeros of what is left. */
export async function shrinkBytes(input: Buffer, stillFails: StillFails, budget: Budget): Promise<Buffer> {
  let smallest = input;
  for (let run = 1 << 30; run >= 1; run >>= 1) {
    if (run > smallest.length) continue;
    for (let at = 0; at < smallest.length;) {
      const without = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + run)]);
      if (await look(without, stillFails, budget)) smallest = without;
      else at += run;
    }
  }
  for (let at = 0; at < smallest.length && budget.looks > 0; at++) {
    if (smallest[at] === 0) continue;
    const zeroed = Buffer.from(smallest);
    zeroed[at] = 0;
    if (await look(zeroed, stillFails, budget)) smallest = zeroed;
  }
  return smallest;
}

async function look(input: Buffer, stillFails: StillFails, budget: Budget): Promise<boolean> {
  if (budget.looks <= 0 || performance.now() > budget.until) return false;
  budget.looks -= 1;
  return stillFails(input);
}
