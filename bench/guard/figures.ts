import type { StepCosts } from '../micro/counting.js';
import type { Figure } from './comparison.js';

/** How the names of those figures end that are the processor's own. */
export const INSTRUCTIONS = 'instructions';
export const WHOLE = 'whole consumer: processor time, of the floor';

/** Counts come out far closer together than this on one machine; another processor may take other paths. */
export function figuresOf({ name, unit, bytes, instructions }: StepCosts): Figure[] {
  const what = `${name}, a ${unit}`;
  const figures: Figure[] = [{ name: `${what}: bytes`, value: bytes, digits: 1, tolerance: 1.05, slack: 8 }];
  if (instructions !== undefined) {
    figures.push({ name: `${what}: ${INSTRUCTIONS}`, value: instructions, digits: 0, tolerance: 1.1, slack: 20 });
  }
  return figures;
}

/** The only figure that is measured rather than counted, so it has room for what a busy machine does to it. */
export function wholeFigure(value: number): Figure {
  return { name: WHOLE, value, digits: 2, tolerance: 1.5, slack: 0 };
}
