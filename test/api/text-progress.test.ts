import { describe, expect, test } from 'vitest';
import { TextProgress } from '../../api/streams/text-progress.js';
import type { Event } from '../../contracts/request.js';
import { Page } from './sse-client.js';

const AT = '2026-01-01T00:00:00Z';
const REQUEST = 'req_1';

/** Repeatable chance (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Step {
  readonly kind: 'delta' | 'row';
  readonly agent: string;
  readonly turn: number;
  readonly attempt: number;
  readonly offset: number;
  readonly text: string;
}

/** What two agents write: turns with attempts that break off, and a row for each turn in the end. */
function story(random: () => number): { steps: Step[]; final: Map<string, string> } {
  const steps: Step[] = [];
  const final = new Map<string, string>();
  for (let turn = 1; turn <= 3; turn += 1) {
    for (const agent of ['agt_1', 'agt_2']) {
      const attempts = 1 + Math.floor(random() * 3);
      for (let attempt = 1; attempt <= attempts; attempt += 1) {
        const text = `${agent} ${turn}.${random() < 0.5 ? attempt : ''} ${'word '.repeat(Math.floor(random() * 8))}`;
        const written = attempt === attempts ? text.length : Math.floor(random() * text.length);
        for (let offset = 0; offset < written; offset += 5)
          steps.push({
            kind: 'delta',
            agent,
            turn,
            attempt,
            offset,
            text: text.slice(offset, Math.min(offset + 5, written)),
          });
        if (attempt === attempts) {
          steps.push({ kind: 'row', agent, turn, attempt, offset: 0, text });
          final.set(`${agent}/${turn}`, text);
        }
      }
    }
  }
  return { steps, final };
}

function eventOf(step: Step, id: number): Event {
  const { agent, turn, attempt, text } = step;
  return {
    id: String(id),
    at: AT,
    type: 'text',
    request: REQUEST,
    agent,
    data: { agent, turn, attempt, offset: 0, delta: text },
  };
}

describe('text of a turn, pieces and rows together', () => {
  test.each(Array.from({ length: 300 }, (_item, index) => index))(
    'is right after lost pieces, repeats and reconnects (%i)',
    (seed) => {
      const random = chance(seed);
      const { steps, final } = story(random);
      const page = new Page();
      let progress = new TextProgress(REQUEST, false);
      let rows = 0;
      const show = (events: readonly Event[]): void => {
        for (const event of events) page.show({ id: event.id, type: event.type, event });
      };
      for (const step of steps) {
        if (random() < 0.05) progress = new TextProgress(REQUEST, true);
        if (step.kind === 'row') {
          rows += 1;
          show(progress.stored(eventOf(step, rows)));
        } else if (random() > 0.1) {
          const piece = {
            request: REQUEST,
            agent: step.agent,
            turn: step.turn,
            attempt: step.attempt,
            offset: step.offset,
            delta: step.text,
          };
          show(progress.live(piece, AT));
          if (random() < 0.1) show(progress.live(piece, AT));
        }
      }
      expect(page.texts).toEqual(final);
      expect(page.lastId).toBe(String(rows));
    },
  );

  test('rows read again in one go say the same as when they happened', () => {
    const { steps, final } = story(chance(7));
    const page = new Page();
    const progress = new TextProgress(REQUEST, false);
    const rows = steps.filter((step) => step.kind === 'row');
    for (const [index, row] of rows.entries()) {
      const events = progress.stored(eventOf(row, index + 1));
      expect(events.map((event) => event.type)).toEqual(['text']);
      for (const event of events) page.show({ id: event.id, type: event.type, event });
    }
    expect(page.texts).toEqual(final);
  });
});
