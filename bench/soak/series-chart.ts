import { CHART_STYLE, escapeXml } from '../harness/chart.js';
import { formatNumber } from '../harness/report.js';

/** One thing over time. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [seconds: number, value: number])[];
  /** Dots instead of a line. */
  readonly dots?: true;
}

/** Series that share an axis. */
export interface SeriesPanel {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  readonly series: readonly Series[];
}

const WIDTH = 760;
const MARGIN = 16;
const LEFT = 70;
const PLOT = 90;
const PANEL = PLOT + 46;

const STYLE = `
    .axis { fill: none }
    .line { fill: none; stroke: #3b7dd8; stroke-width: 1.5 }
    .line.second { stroke: #c2571a }
    .dot { fill: #1f2328 }
    @media (prefers-color-scheme: dark) {
      .line { stroke: #4c8ee8 }
      .line.second { stroke: #e0803f }
      .dot { fill: #e6edf3 }
    }`;

/** Panels one below the other, with minutes from left to right, as one SVG. Each axis begins at 0. */
export function drawSeries(title: string, panels: readonly SeriesPanel[]): string {
  const all = panels.flatMap(({ series }) => series.flatMap(({ points }) => points));
  const span = Math.max(...all.map(([seconds]) => seconds), 1);
  const height = MARGIN + 30 + panels.length * PANEL + 20;
  const drawn = panels.map((panel, index) => drawPanel(panel, MARGIN + 30 + index * PANEL, span));
  const facts = panels.flatMap(describePanel);
  const bottom = MARGIN + 30 + panels.length * PANEL - 10;
  const minutes = formatNumber(span / 60, span < 600 ? 1 : 0);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
  <title id="title">${escapeXml(title)}</title>
  <desc id="desc">${escapeXml(facts.join(' '))}</desc>
  <style>${CHART_STYLE}${STYLE}
  </style>
  <rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>
  <text class="head" x="${MARGIN}" y="${MARGIN + 12}">${escapeXml(title)}</text>
${drawn.join('\n')}
  <text class="quiet" x="${LEFT}" y="${bottom}">0</text>
  <text class="quiet" x="${WIDTH - MARGIN}" y="${bottom}" text-anchor="end">${minutes} minutes</text>
</svg>
`;
}

function drawPanel({ name, unit, digits, series }: SeriesPanel, top: number, span: number): string {
  const most = Math.max(...series.flatMap(({ points }) => points.map(([, value]) => value)), Number.MIN_VALUE);
  const plotTop = top + 26;
  const floor = plotTop + PLOT;
  const x = (seconds: number): number => round(LEFT + (seconds / span) * (WIDTH - LEFT - MARGIN));
  const y = (value: number): number => round(floor - (Math.max(0, value) / most) * PLOT);
  const names = series.map((one) => one.name).join(', ');
  const lines = [
    `  <text x="${MARGIN}" y="${top + 16}">${escapeXml(unit === '' ? name : `${name}, ${unit}`)}</text>`,
    `  <text class="quiet" x="${WIDTH - MARGIN}" y="${top + 16}" text-anchor="end">${escapeXml(names)}</text>`,
    `  <text class="quiet" x="${LEFT - 8}" y="${plotTop + 8}" text-anchor="end">${formatNumber(most, digits)}</text>`,
    `  <text class="quiet" x="${LEFT - 8}" y="${floor}" text-anchor="end">0</text>`,
    `  <path class="axis" d="M${LEFT} ${plotTop}V${floor}H${WIDTH - MARGIN}"/>`,
  ];
  series.forEach(({ points, dots }, index) => {
    if (dots === true) {
      for (const [seconds, value] of points) {
        lines.push(`  <circle class="dot" cx="${x(seconds)}" cy="${y(value)}" r="2"/>`);
      }
    } else if (points.length > 0) {
      const path = points.map(([seconds, value]) => `${x(seconds)} ${y(value)}`).join('L');
      lines.push(`  <path class="line${index === 0 ? '' : ' second'}" d="M${path}"/>`);
    }
  });
  return lines.join('\n');
}

/** The panel in words. */
function describePanel({ name, unit, digits, series }: SeriesPanel): string[] {
  return series
    .filter(({ points }) => points.length > 0)
    .map((one) => {
      const values = one.points.map(([, value]) => value);
      const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => formatNumber(value, digits));
      return `${name}, ${one.name}: from ${least} to ${most}${unit === '' ? '' : ` ${unit}`}.`;
    });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
