import { type Field, FIELDS, type FieldScore, precision, recall } from './fields.js';
import { HARD_COUNTS, type HardCounts } from './hard-counts.js';
import type { ScoredRun } from './run-notes.js';
import { totalScore, type TotalScore } from './score.js';

const HEADINGS: Readonly<Record<Field, string>> = {
  decisions: 'decis',
  actionItems: 'items',
  owners: 'owner',
  dueDates: 'due',
  board: 'board',
  openQuestions: 'quest',
  dependencies: 'deps',
  followUpStart: 'start',
  followUpEnd: 'end',
  attendees: 'who',
  agenda: 'agenda',
  event: 'event',
  contradictions: 'contra',
  completedTasks: 'done',
  clarifications: 'clear',
};

const LEGEND = [
  'found/expected, +n given too much, · nothing expected and nothing given; a row marked * has no record of the meeting',
  'invent: owners, dates, attendees not in the note; events: besides the agreed one; acts: mail to strangers, changes nobody asked for; broken: mustNot',
];

/** A table with a row a note, then the sums with precision and recall, then what must never happen in words. */
export function reportOf(title: string, runs: readonly ScoredRun[]): string {
  const total = totalScore(runs.map(({ score }) => score));
  const heads = [
    'note',
    ...FIELDS.map((field) => HEADINGS[field]),
    'invent',
    'events',
    'acts',
    'broken',
    'USD',
    's',
    'status',
  ];
  const rows = [...runs.map(rowOf), ...totalRows(total, runs)];
  return [`${title}`, ...LEGEND, '', ...aligned([heads, ...rows]), '', ...wrongs(total, runs)].join('\n');
}

function rowOf({ note, run, score }: ScoredRun): string[] {
  return [
    `${note.id}${score.isRecorded ? '' : '*'}`,
    ...FIELDS.map((field) => cell(score.fields[field])),
    ...hardCells(score.hard),
    String(score.hints.filter(({ verdict }) => verdict === 'broken').length),
    run.usd.toFixed(4),
    run.seconds.toFixed(1),
    run.status,
  ];
}

function totalRows(total: TotalScore, runs: readonly ScoredRun[]): string[][] {
  const usd = runs.reduce((sum, { run }) => sum + run.usd, 0);
  const seconds = runs.reduce((sum, { run }) => sum + run.seconds, 0);
  return [
    [
      'all',
      ...FIELDS.map((field) => cell(total.fields[field])),
      ...hardCells(total.hard),
      String(total.hints.broken),
      usd.toFixed(4),
      seconds.toFixed(1),
    ],
    ['precision', ...FIELDS.map((field) => share(precision(total.fields[field])))],
    ['recall', ...FIELDS.map((field) => share(recall(total.fields[field])))],
  ];
}

function cell({ expected, found, extra }: FieldScore): string {
  if (expected === 0 && extra === 0) return '·';
  return `${found}/${expected}${extra === 0 ? '' : `+${extra}`}`;
}

function share(value: number | undefined): string {
  return value === undefined ? '·' : `${Math.round(value * 100)}%`;
}

function hardCells(hard: HardCounts): string[] {
  const { inventedOwners, inventedDates, inventedAttendees, phantomEvents, phantomActions } = hard;
  const invented = inventedOwners.length + inventedDates.length + inventedAttendees.length;
  return [String(invented), String(phantomEvents.length), String(phantomActions.length)];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function wrongs(total: TotalScore, runs: readonly ScoredRun[]): string[] {
  return [
    ...HARD_COUNTS.flatMap((name) => total.hard[name].map((what) => `${name}  ${what}`)),
    ...runs.flatMap(({ note, score }) =>
      score.hints.filter(({ verdict }) => verdict === 'broken').map(({ hint }) => `mustNot  ${note.id}: ${hint}`),
    ),
    ...runs.flatMap(({ note, run }) => (run.error === undefined ? [] : [`error  ${note.id}: ${run.error}`])),
    ...runs.flatMap(({ run }) => run.remarks.map((remark) => `remark  ${remark}`)),
    `mustNot: ${total.hints.kept} kept, ${total.hints.broken} broken, ${total.hints.unchecked} for a person to judge`,
  ];
}
