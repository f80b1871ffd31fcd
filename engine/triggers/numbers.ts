/** A number as it stands in a text. */
interface FoundNumber {
  readonly value: number;
  /** As it is written there. */
  readonly written: string;
}

/** Groups of three behind a blank or an apostrophe, or digits with points and commas; a sign only right before it. */
const NUMBER = /(?<![\p{L}\d])[-−]?(?:\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?!\d)(?:[.,]\d+)?|\d(?:[\d.,]*\d)?)/u;

/**
 * The first number of a text, English or German: `1,299.00`, `1.299,00`, `1 299`. Where a point or a comma may be either,
 * as in `1.299`, the reading that is nearer to `near` counts, and without it the thousand.
 */
export function firstNumber(text: string, near?: number): FoundNumber | undefined {
  const written = NUMBER.exec(text)?.[0];
  if (written === undefined) return undefined;
  const sign = /^[-−]/.test(written) ? -1 : 1;
  const readings = readingsOf(written.replace(/[-− \u00a0\u202f'’]/g, '')).map((value) => sign * value);
  const value = near === undefined ? readings[0] : readings.toSorted((a, b) => farOff(a, near) - farOff(b, near))[0];
  return value === undefined || !Number.isFinite(value) ? undefined : { value, written };
}

/** What digits, points and commas may mean, the likelier first. */
function readingsOf(digits: string): number[] {
  const marks = digits.match(/[.,]/g) ?? [];
  const last = marks.at(-1);
  if (last === undefined) return [Number(digits)];
  const whole = Number(digits.replace(/[.,]/g, ''));
  const other = last === '.' ? /,/g : /\./g;
  const decimal = Number(digits.replace(other, '').replace(last, '.'));
  if (new Set(marks).size === 2) return [decimal];
  if (marks.length > 1) return [whole];
  return /^[1-9]\d{0,2}[.,]\d{3}$/.test(digits) ? [whole, decimal] : [decimal];
}

/** How many times larger or smaller a number is than another. */
function farOff(value: number, near: number): number {
  if (value === 0 || near === 0) return Math.abs(value - near);
  return Math.abs(Math.log(Math.abs(value / near)));
}
