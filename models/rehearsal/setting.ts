import { Temporal } from 'temporal-polyfill';
import type { OfferedTool } from './request.js';

/** What the system text says about the person and the moment, and what may be called. */
export interface Setting {
  /** Missing when the system text does not name the user. */
  readonly user: string | undefined;
  readonly timeZone: string;
  /** The instant relative times refer to; missing means that no relative time can be resolved. */
  readonly now: Temporal.ZonedDateTime | undefined;
  readonly tools: readonly OfferedTool[];
}

function lineOf(system: string, label: string): string | undefined {
  const value = new RegExp(`^${label}:[ \\t]*(\\S.*?)[ \\t]*$`, 'm').exec(system)?.[1];
  return value;
}

function knownZone(name: string | undefined): string {
  if (name === undefined) return 'UTC';
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return 'UTC';
  }
}

function instantIn(zone: string, text: string | undefined): Temporal.ZonedDateTime | undefined {
  if (text === undefined) return undefined;
  try {
    return Temporal.Instant.from(text).toZonedDateTimeISO(zone);
  } catch {
    return undefined;
  }
}

/** Reads the lines `User`, `Time zone` and `Now`; where they stand together as one block, that block counts. */
export function readSetting(system: string, tools: readonly OfferedTool[]): Setting {
  const block = /^User:.*\r?\nTime zone:.*\r?\nNow:.*$/m.exec(system)?.[0] ?? system;
  const name = lineOf(block, 'Time zone');
  const timeZone = name !== undefined && knownZone(name) !== 'UTC' ? name : knownZone(name);
  return { user: lineOf(block, 'User'), timeZone, now: instantIn(timeZone, lineOf(block, 'Now')), tools };
}
