import type { Temporal } from 'temporal-polyfill';
import type { Doubt, Question } from './mention.js';

export function ask(doubt: Doubt, question: string): Question {
  return { doubt, question };
}

/** “Friday, 27 November 2026”. */
export function dayText(date: Temporal.PlainDate): string {
  const text = date.toLocaleString('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
  return text.replace(/^(\p{L}+),? /u, '$1, ');
}

/** “Friday, 27 November 2026, 14:30”. */
export function timeText(wall: Temporal.PlainDateTime): string {
  return `${dayText(wall.toPlainDate())}, ${clockText(wall.hour * 60 + wall.minute)}`;
}

/** Minutes from midnight as “09:30”. */
export function clockText(minutes: number): string {
  const [hour, minute] = [Math.floor(minutes / 60) % 24, minutes % 60];
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}

export const NO_TIME = ask(
  'no-time',
  'When should that be? Say a day and a time, for example tomorrow at 9:00 or in two hours.',
);
