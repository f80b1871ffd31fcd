const [BASE, MIN, MAX, SKEW, DAMP, FIRST_BIAS, FIRST_CODE] = [36, 1, 26, 38, 700, 72, 128] as const;
const PREFIX = 'xn--';
const LONGEST_DOMAIN = 253;
const LAST_CODE = 0x10ffff;

/** The domain as people spell it, where mail spells it with `xn--`; undefined for any other. */
export function spelledDomain(domain: string): string | undefined {
  if (domain.length > LONGEST_DOMAIN) return undefined;
  const labels = domain.split('.');
  if (!labels.some((label) => label.startsWith(PREFIX))) return undefined;
  const spelled = labels.map((label) => (label.startsWith(PREFIX) ? decoded(label.slice(PREFIX.length)) : label));
  return spelled.every((label) => label !== undefined) ? spelled.join('.') : undefined;
}

/** Punycode by RFC 3492, 6.2; undefined where it is none. */
function decoded(label: string): string | undefined {
  const end = Math.max(0, label.lastIndexOf('-'));
  const codes = [...label.slice(0, end)].map((letter) => letter.codePointAt(0) ?? 0);
  let [code, place, bias]: [number, number, number] = [FIRST_CODE, 0, FIRST_BIAS];
  for (let at = end === 0 ? 0 : end + 1; at < label.length; ) {
    const before = place;
    for (let weight = 1, step = BASE; ; step += BASE, at += 1) {
      const digit = digitOf(label[at]);
      if (digit === undefined) return undefined;
      place += digit * weight;
      const threshold = Math.min(MAX, Math.max(MIN, step - bias));
      if (digit < threshold) break;
      weight *= BASE - threshold;
    }
    at += 1;
    const length = codes.length + 1;
    bias = adapted(place - before, length, before === 0);
    code += Math.floor(place / length);
    place %= length;
    if (code > LAST_CODE || (code >= 0xd800 && code <= 0xdfff)) return undefined;
    codes.splice(place, 0, code);
    place += 1;
  }
  return String.fromCodePoint(...codes);
}

function digitOf(letter: string | undefined): number | undefined {
  if (letter === undefined) return undefined;
  const digit = 'abcdefghijklmnopqrstuvwxyz0123456789'.indexOf(letter);
  return digit < 0 ? undefined : digit;
}

function adapted(change: number, length: number, isFirst: boolean): number {
  let left = Math.floor(change / (isFirst ? DAMP : 2));
  left += Math.floor(left / length);
  let bias = 0;
  for (; left > ((BASE - MIN) * MAX) / 2; bias += BASE) left = Math.floor(left / (BASE - MIN));
  return bias + Math.floor(((BASE - MIN + 1) * left) / (left + SKEW));
}
