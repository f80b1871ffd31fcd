/** One place where a person put other words than those proposed; '' for nothing. */
export interface LineChange {
  readonly from: string;
  readonly to: string;
}

/** Longer texts are compared as far as this many lines a side. */
const MOST_COMPARED = 500;

/** The lines that differ between two texts, paired in order, from the top. Empty lines and blanks at the ends do not count. */
export function changedLines(before: readonly string[], after: readonly string[]): LineChange[] {
  const [old, now] = [filled(before), filled(after)];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  return pairs(
    old.slice(start, old.length - end).slice(0, MOST_COMPARED),
    now.slice(start, now.length - end).slice(0, MOST_COMPARED),
  );
}

function filled(lines: readonly string[]): string[] {
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}

/** Walks along the longest common subsequence; what lies between two common lines was changed into one another. */
function pairs(old: readonly string[], now: readonly string[]): LineChange[] {
  const common = commonLengths(old, now);
  const width = now.length + 1;
  const changes: LineChange[] = [];
  let gone: string[] = [];
  let come: string[] = [];
  const flush = (): void => {
    for (let index = 0; index < Math.max(gone.length, come.length); index += 1)
      changes.push({ from: gone[index] ?? '', to: come[index] ?? '' });
    [gone, come] = [[], []];
  };
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const [left, right] = [old[i], now[j]];
    if (left !== undefined && left === right) {
      flush();
      i += 1;
      j += 1;
    } else if (
      right === undefined ||
      (left !== undefined && (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
    ) {
      gone.push(left ?? '');
      i += 1;
    } else {
      come.push(right);
      j += 1;
    }
  }
  flush();
  return changes;
}

/** At `i * (now.length + 1) + j`: how many lines the rests from i and from j have in common, in order. */
function commonLengths(old: readonly string[], now: readonly string[]): Uint16Array {
  const width = now.length + 1;
  const lengths = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        old[i] === now[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
    }
  }
  return lengths;
}
