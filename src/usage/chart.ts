/** Calls of one hour, day or month. */
export type Bar = {
  /** As the table and the bar itself name it: `23 November`. */
  name: string;
  allowed: number;
  refused: number;
};

/** One bar as the drawing has it, in units of which the whole is 100 high. */
type Drawn = {
  x: number;
  width: number;
  /** What one reads when pointing at it. */
  title: string;
  allowed: { y: number; height: number } | null;
  refused: { y: number; height: number } | null;
};

/** The page object of views/usage/chart.ejs. */
export type Chart = {
  /** From the top down: `1,600`, …, `0`. */
  ticks: string[];
  /** Where the lines of the ticks are. */
  lines: number[];
  /** From left to right, under the first edge and the last and evenly between. */
  labels: string[];
  width: number;
  bars: Drawn[];
  /** What one sees, for whoever does not. */
  summary: string;
};

const step = 10;
const thickness = 6;
const parts = 4;
/** So that a single refused call among thousands is still a line. */
const least = 0.75;

/** Refused calls stand on top of those that were let through. `what`: `Calls a day, November 2026`. */
export function chartOf(bars: readonly Bar[], labels: string[], what: string): Chart {
  const most = Math.max(1, ...bars.map(callsOf));
  const unit = niceStep(most / parts);
  const top = unit * parts;
  return {
    ticks: Array.from({ length: parts + 1 }, (_, n) => inWords(unit * (parts - n))),
    lines: Array.from({ length: parts + 1 }, (_, n) => (100 / parts) * n),
    labels,
    width: bars.length * step,
    bars: bars.map((bar, n) => drawn(bar, n * step + (step - thickness) / 2, top)),
    summary: summaryOf(bars, what),
  };
}

function drawn(bar: Bar, x: number, top: number): Drawn {
  const heightOf = (calls: number): number =>
    calls === 0 ? 0 : rounded(Math.max((calls / top) * 100, least));
  const allowed = heightOf(bar.allowed);
  const refused = heightOf(bar.refused);
  const floor = 100 - allowed;
  const refusals = bar.refused > 0 ? `, ${inWords(bar.refused)} of them refused` : '';
  return {
    x,
    width: thickness,
    title: `${bar.name}: ${inWords(callsOf(bar))} ${callsOf(bar) === 1 ? 'call' : 'calls'}${refusals}`,
    allowed: allowed > 0 ? { y: rounded(floor), height: allowed } : null,
    refused: refused > 0 ? { y: rounded(Math.max(floor - refused, 0)), height: refused } : null,
  };
}

/** The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 and their tens that is whole. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  const nice = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((factor) => factor * power);
  return nice.find((one) => one >= least && Number.isInteger(one)) ?? 10 * power;
}

function summaryOf(bars: readonly Bar[], what: string): string {
  const calls = bars.reduce((sum, bar) => sum + callsOf(bar), 0);
  const refused = bars.reduce((sum, { refused }) => sum + refused, 0);
  const highest = bars.reduce<Bar | undefined>(
    (best, bar) => (callsOf(bar) > (best ? callsOf(best) : 0) ? bar : best),
    undefined,
  );
  const most = highest ? ` Most: ${highest.name}, ${inWords(callsOf(highest))}.` : '';
  return `${what}: ${inWords(calls)} in all, ${inWords(refused)} of them refused.${most}`;
}

const callsOf = ({ allowed, refused }: Bar): number => allowed + refused;
const inWords = (count: number): string => count.toLocaleString('en-GB');
const rounded = (value: number): number => Math.round(value * 100) / 100;
