// @ts-check
/** Small charts over time, for the eye; what they show is also there as a number. */

import { svg } from './dom.js';

/**
 * @typedef {object} Line
 * @property {string} className
 * @property {readonly number[]} values
 */

/**
 * @param {readonly Line[]} lines drawn on one scale
 * @param {{ width: number, height: number, points: number }} size
 */
export function chart(lines, { width, height, points }) {
  const top = Math.max(1, ...lines.flatMap((line) => line.values));
  const step = width / (points - 1);
  return svg(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', class: 'chart', 'aria-hidden': 'true' },
    ...lines.flatMap(({ className, values }) => {
      if (values.length === 0) return [];
      // The newest is at the right edge.
      const start = width - (values.length - 1) * step;
      const at = values.map((value, index) => {
        const y = height - 1.5 - (value / top) * (height - 4);
        return `${(start + index * step).toFixed(1)},${y.toFixed(1)}`;
      });
      return [
        svg('polygon', {
          class: `area ${className}`,
          points: `${start.toFixed(1)},${height} ${at.join(' ')} ${width},${height}`,
        }),
        svg('polyline', { class: `line ${className}`, points: at.join(' ') }),
      ];
    }),
  );
}
