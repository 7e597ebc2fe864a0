import type { Result } from './slots.ts';

/** One thing that was measured: who was compared, and what is held against PERFORMANCE's lines. */
export type Section = {
  title: string;
  results: Result[];
  /** Each with what is wanted of it, in words where it is not "at most". */
  findings: Finding[];
  /** Statements that reached PostgreSQL, by their first words. */
  statements?: { seconds: number; calls: number; each: Record<string, number> };
};

export type Finding = {
  what: string;
  value: number;
  unit: string;
  atMost?: number;
  atLeast?: number;
};

type Machine = { node: string; cores: number; model: string; pinned: boolean };

/** Tables for people. */
export function printed(machine: Machine, sections: readonly Section[]): string {
  const { node, cores, model, pinned } = machine;
  const where = pinned ? 'the server alone on one core' : 'not pinned';
  return [`Node ${node}, ${cores} cores (${model}), ${where}`, ...sections.map(sectionOf), ''].join(
    '\n\n',
  );
}

const sectionOf = ({ title, results, findings, statements }: Section): string =>
  [
    `## ${title}`,
    ...(results.length > 0 ? [tableOf(results)] : []),
    findings.map(sentenceOf).join('\n'),
    ...(statements ? [statementsOf(statements)] : []),
  ].join('\n\n');

const tableOf = (results: readonly Result[]): string =>
  [
    '| | CPU a request | median | p99 | a second | requests |',
    '|---|---|---|---|---|---|',
    ...results.map(({ name, cpu, median, p99, perSecond, count }) => {
      const times = [cpu, median, p99].map((one) => `${one.toFixed(0)} us`);
      return `| ${[name, ...times, perSecond.toFixed(0), count].join(' | ')} |`;
    }),
  ].join('\n');

function sentenceOf({ what, value, unit, atMost, atLeast }: Finding): string {
  const kept = value <= (atMost ?? Number.POSITIVE_INFINITY) && value >= (atLeast ?? 0);
  const wanted = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
  const judged =
    atMost === undefined && atLeast === undefined
      ? ''
      : ` (${wanted}: ${kept ? 'kept' : 'MISSED'})`;
  return `- ${what}: ${value.toFixed(value < 10 ? 2 : 0)} ${unit}${judged}`;
}

const statementsOf = ({ seconds, calls, each }: NonNullable<Section['statements']>): string =>
  [
    `Statements in ${seconds.toFixed(0)} s and ${calls} calls:`,
    ...Object.entries(each)
      .sort(([, a], [, b]) => b - a)
      .map(([text, times]) => `- ${times} x \`${text}\``),
  ].join('\n');
