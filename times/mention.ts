import type { Temporal } from 'temporal-polyfill';
import type { Clock, PartOfDay } from './clock.js';
import type { DaySaid } from './day-said.js';
import type { RepeatSaid } from './repeat-said.js';

/** Why a time is not resolved; each comes with a question to the user. */
export type Doubt = 'no-time' | 'ambiguous' | 'past' | 'impossible' | 'unsupported';

export interface Question {
  readonly doubt: Doubt;
  /** One sentence that says what is doubtful and offers the choices. */
  readonly question: string;
}

/** What a few words of a sentence say about time. */
export type Saying =
  | { readonly kind: 'clock'; readonly clock: Clock }
  | { readonly kind: 'part'; readonly part: PartOfDay; readonly isToday: boolean }
  | { readonly kind: 'day'; readonly day: DaySaid }
  | { readonly kind: 'elapsed'; readonly seconds: number }
  | { readonly kind: 'calendar'; readonly duration: Temporal.Duration; readonly workdays: number }
  | { readonly kind: 'same-time' }
  | { readonly kind: 'offset'; readonly minutes: number; readonly days: number }
  | { readonly kind: 'zone'; readonly zone: string; readonly shown?: number }
  | { readonly kind: 'repeat'; readonly repeat: RepeatSaid }
  | { readonly kind: 'limit'; readonly limit: 'until' | 'from' }
  | { readonly kind: 'lasting'; readonly duration: Temporal.Duration }
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'except'; readonly weekdays: readonly number[] }
  | { readonly kind: 'doubt'; readonly question: Question };

/** A saying with its place in the text, the end excluded. */
export type Mention = Saying & { readonly index: number; readonly end: number };
