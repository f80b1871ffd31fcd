import { ProblemError } from '../../contracts/problem.js';

/** One property of a component, unfolded but not unescaped. */
export interface IcsProperty {
  /** Upper case. */
  readonly name: string;
  /** Everything between name and value as it stands, such as `;TZID=Europe/Berlin`, or empty. */
  readonly parameters: string;
  readonly value: string;
  /** Offsets of its lines in the text; `end` is behind the line break. */
  readonly start: number;
  readonly end: number;
}

/** A component directly inside a VCALENDAR and where it stands in the text. */
export interface IcsComponent {
  /** Upper case, such as `VEVENT`. */
  readonly name: string;
  /** Offsets into the text; `end` is behind the line break. */
  readonly start: number;
  readonly end: number;
  /** Offset of its `END:` line. */
  readonly lastLine: number;
  /** Its own properties, without those of components inside it (alarms). */
  readonly properties: readonly IcsProperty[];
}

/** A calendar file taken apart, with what is needed to cut out and insert components without touching the rest. */
export interface IcsDocument {
  readonly text: string;
  readonly components: readonly IcsComponent[];
  /** The VTIMEZONEs among them. */
  readonly zones: readonly IcsComponent[];
  /** Properties of the VCALENDARs themselves. */
  readonly properties: readonly IcsProperty[];
  /** Offset of the last `END:VCALENDAR` line. */
  readonly lastLine: number;
  readonly lineBreak: '\r\n' | '\n';
}

/** A stretch of a text and what takes its place, line breaks included. */
export interface TextChange {
  readonly start: number;
  readonly end: number;
  readonly insert: string;
}

interface Line {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A component that is open while the lines are read; `properties` are collected as they come. */
interface OpenComponent {
  readonly name: string;
  readonly start: number;
  readonly properties: IcsProperty[];
}

/** Takes a calendar file apart; throws `ProblemError` `conflict` naming the line where it is not iCalendar. */
export function parseCalendarText(text: string): IcsDocument {
  const open: OpenComponent[] = [];
  const components: IcsComponent[] = [];
  const properties: IcsProperty[] = [];
  let lastLine = -1;
  for (const [index, line] of unfold(text).entries()) {
    if (line.text.trim() === '') continue;
    const property = parseProperty(line);
    const word = property?.value.trim().toUpperCase() ?? '';
    const inside = open.at(-1);
    if (property?.name === 'BEGIN') {
      if ((open.length === 0) !== (word === 'VCALENDAR')) throw damaged(index, `BEGIN:${word} does not belong here`);
      open.push({ name: word, start: line.start, properties: word === 'VCALENDAR' ? properties : [] });
    } else if (inside === undefined) {
      throw damaged(index, 'there is text outside of BEGIN:VCALENDAR … END:VCALENDAR');
    } else if (property?.name === 'END') {
      if (inside.name !== word) throw damaged(index, `END:${word} closes ${inside.name}`);
      open.pop();
      if (open.length === 1) components.push({ ...inside, end: line.end, lastLine: line.start });
      if (open.length === 0) lastLine = line.start;
    } else if (property !== null) {
      inside.properties.push(property);
    }
  }
  if (open.length > 0) throw damaged(null, `${open.at(-1)?.name} is never closed`);
  if (lastLine < 0) throw damaged(null, 'it holds no calendar');
  const zones = components.filter((component) => component.name === 'VTIMEZONE');
  return { text, components, zones, properties, lastLine, lineBreak: text.includes('\r\n') ? '\r\n' : '\n' };
}

/** The first property of this name. */
export function propertyOf(properties: readonly IcsProperty[], name: string): IcsProperty | undefined {
  return properties.find((property) => property.name === name);
}

/** A text value without its escapes, or undefined where the property is missing. */
export function textOf(properties: readonly IcsProperty[], name: string): string | undefined {
  const property = propertyOf(properties, name);
  return property === undefined ? undefined : unescapeText(property.value);
}

/** Undoes the escapes of a TEXT value: `\n`, `\,`, `\;` and `\\`. */
export function unescapeText(value: string): string {
  return value.replace(/\\([\\;,nN])/g, (_, character: string) => (character.toLowerCase() === 'n' ? '\n' : character));
}

/** The text with every change made; of insertions at one offset the last one given comes to stand first. */
export function splice(text: string, changes: readonly TextChange[]): string {
  let result = text;
  for (const { start, end, insert } of changes.toSorted((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + insert + result.slice(end);
  }
  return result;
}

/** Joins folded lines (a line that begins with a blank continues the one before) and keeps their offsets. */
function unfold(text: string): Line[] {
  const lines: Line[] = [];
  // Some programs put a byte order mark in front.
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  while (start < text.length) {
    const lineFeed = text.indexOf('\n', start);
    const end = lineFeed < 0 ? text.length : lineFeed + 1;
    const content = text.slice(start, end).replace(/\r?\n$/, '');
    const previous = lines.at(-1);
    if (previous !== undefined && /^[ \t]/.test(content)) {
      lines[lines.length - 1] = { text: previous.text + content.slice(1), start: previous.start, end };
    } else {
      lines.push({ text: content, start, end });
    }
    start = end;
  }
  return lines;
}

/** Null for a line that is no property; such lines are kept as text and ignored. */
function parseProperty(line: Line): IcsProperty | null {
  const colon = findColon(line.text);
  if (colon < 0) return null;
  const head = line.text.slice(0, colon);
  const semicolon = head.indexOf(';');
  const name = semicolon < 0 ? head : head.slice(0, semicolon);
  if (!/^[A-Za-z0-9-]+$/.test(name)) return null;
  return {
    name: name.toUpperCase(),
    parameters: semicolon < 0 ? '' : head.slice(semicolon),
    value: line.text.slice(colon + 1),
    start: line.start,
    end: line.end,
  };
}

/** The colon before the value; one inside a quoted parameter does not count. */
function findColon(line: string): number {
  let quoted = false;
  for (let index = 0; index < line.length; index++) {
    if (line[index] === '"') quoted = !quoted;
    else if (line[index] === ':' && !quoted) return index;
  }
  return -1;
}

function damaged(index: number | null, reason: string): ProblemError {
  const place = index === null ? '' : ` near line ${index + 1}`;
  return new ProblemError(
    'conflict',
    `the local calendar file is damaged${place}: ${reason}; repair it or move it away, nothing was changed`,
  );
}
