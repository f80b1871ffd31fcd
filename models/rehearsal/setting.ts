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
  /** Where the other side of a meeting lives, where a note says so. */
  readonly theirZone?: string;
  /** What the system text shows of how the user writes. */
  readonly style?: Style;
  /** Id of the space in which meetings and agreements are. */
  readonly meetings?: string;
}

/** Greeting and closing as the user writes them. */
export interface Style {
  readonly greeting?: string;
  readonly closing?: string;
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

function styleIn(system: string): Style | undefined {
  const at = /^How the user writes/m.exec(system)?.index;
  if (at === undefined) return undefined;
  const block = system.slice(at);
  const [greeting, closing] = [lineOf(block, 'Greeting'), lineOf(block, 'Closing')];
  return {
    ...(greeting === undefined ? {} : { greeting }),
    ...(closing === undefined ? {} : { closing: closing.replaceAll(' ⏎ ', '\n') }),
  };
}

function spaceNamed(system: string, name: string): string | undefined {
  return new RegExp(`^- ${name} \\(id (?<id>[A-Za-z0-9_-]{1,64})\\)`, 'im').exec(system)?.groups?.['id'];
}

/** Reads the lines `User`, `Time zone` and `Now`; where they stand together as one block, that block counts. */
export function readSetting(system: string, tools: readonly OfferedTool[]): Setting {
  const block = /^User:.*\r?\nTime zone:.*\r?\nNow:.*$/m.exec(system)?.[0] ?? system;
  const name = lineOf(block, 'Time zone');
  const timeZone = name !== undefined && knownZone(name) !== 'UTC' ? name : knownZone(name);
  const [style, meetings] = [styleIn(system), spaceNamed(system, 'Meetings')];
  return {
    user: lineOf(block, 'User'),
    timeZone,
    now: instantIn(timeZone, lineOf(block, 'Now')),
    tools,
    ...(style === undefined ? {} : { style }),
    ...(meetings === undefined ? {} : { meetings }),
  };
}
