import { formatNumber, type Measure } from './report.js';
import { summarize } from './statistics.js';

const WIDTH = 760;
const LABEL = 190;
const VALUE = 110;
const BAR = 18;
const STEP = 28;
const PANEL_HEAD = 46;
const PANEL_GAP = 18;
const MARGIN = 16;

/** Of all drawings: on light ground and on dark. */
export const CHART_STYLE = `
    .ground { fill: #ffffff }
    text { fill: #1f2328; font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif }
    .head { font-weight: 600; font-size: 14px }
    .quiet { fill: #59636e; font-size: 12px }
    .bar { fill: #3b7dd8 }
    .spread { stroke: #1f2328; stroke-width: 1.5 }
    .axis { stroke: #c8ced5; stroke-width: 1 }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 }
      text { fill: #e6edf3 }
      .quiet { fill: #9198a1 }
      .bar { fill: #4c8ee8 }
      .spread { stroke: #e6edf3 }
      .axis { stroke: #3d444d }
    }`;

/** The measures that are to be drawn, as one SVG: a bar for each median, and a whisker from the least to the most. */
export function drawChart(title: string, measures: readonly Measure[]): string {
  const drawn = measures.filter(({ chart, values }) => chart !== undefined && Object.keys(values).length > 0);
  const parts: string[] = [];
  const facts: string[] = [];
  let y = MARGIN + 30;
  for (const measure of drawn) {
    const panel = drawPanel(measure, y);
    parts.push(panel.svg);
    facts.push(panel.fact);
    y += panel.height + PANEL_GAP;
  }
  const height = y - PANEL_GAP + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
  <title id="title">${escapeXml(title)}</title>
  <desc id="desc">${escapeXml(facts.join(' '))}</desc>
  <style>${CHART_STYLE}
  </style>
  <rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>
  <text class="head" x="${MARGIN}" y="${MARGIN + 12}">${escapeXml(title)}</text>
${parts.join('\n')}
</svg>
`;
}

interface Panel {
  readonly svg: string;
  readonly height: number;
  /** The panel in words. */
  readonly fact: string;
}

function drawPanel(measure: Measure, top: number): Panel {
  const bars = Object.entries(measure.values).map(([name, values]) => ({ name, ...summarize(values) }));
  const most = Math.max(...bars.map(({ max }) => max), Number.MIN_VALUE);
  const left = MARGIN + LABEL;
  const scale = (value: number): number => round((Math.max(0, value) / most) * (WIDTH - left - VALUE - MARGIN));
  const name = measure.unit === '' ? measure.name : `${measure.name}, ${measure.unit}`;
  const lines = [
    `  <text x="${MARGIN}" y="${top + 18}">${escapeXml(name)}</text>`,
    `  <text class="quiet" x="${WIDTH - MARGIN}" y="${top + 18}" text-anchor="end">${measure.chart ?? ''}</text>`,
  ];
  bars.forEach((bar, index) => {
    const y = top + PANEL_HEAD - 16 + index * STEP;
    const middle = y + BAR / 2;
    const [from, to] = [left + scale(bar.min), left + scale(bar.max)];
    lines.push(
      `  <text x="${left - 8}" y="${middle + 4}" text-anchor="end">${escapeXml(bar.name)}</text>`,
      `  <rect class="bar" x="${left}" y="${y}" width="${scale(bar.median)}" height="${BAR}" rx="2"/>`,
      `  <path class="spread" d="M${from} ${middle}H${to}M${from} ${middle - 4}v8M${to} ${middle - 4}v8"/>`,
      `  <text x="${Math.max(to, left) + 8}" y="${middle + 4}">${formatNumber(bar.median, measure.digits)}</text>`,
    );
  });
  const height = PANEL_HEAD - 16 + bars.length * STEP;
  lines.push(`  <path class="axis" d="M${left} ${top + PANEL_HEAD - 20}V${top + height}"/>`);
  const figures = bars.map(
    (bar) =>
      `${bar.name} ${formatNumber(bar.median, measure.digits)} ` +
      `(${formatNumber(bar.min, measure.digits)} to ${formatNumber(bar.max, measure.digits)})`,
  );
  return { svg: lines.join('\n'), height, fact: `${name}, median and spread: ${figures.join('; ')}.` };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
