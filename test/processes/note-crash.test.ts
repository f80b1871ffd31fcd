import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Meeting } from '../../contracts/meeting.js';
import type { TraceNode } from '../../contracts/request.js';
import { actingAs, type Person, seedNote, type Seeded, sendRecording } from '../e2e/notes/desk.js';
import { noteMind } from '../e2e/notes/mind.js';
import { type Note, sharedNotes } from '../eval/notes.js';
import { freePort, isAlive, newHome, type Product, removeHomes, startProduct } from '../helpers/processes.js';
import { type AnthropicStandIn, startAnthropicStandIn } from '../stand-ins/anthropic.js';
import { startTranscriptionStandIn, type TranscriptionStandIn } from '../stand-ins/transcription.js';
import { lanes, type Moment, STOP_AT, stoppedAt } from './mail-harness.js';

/** The moments of the whole path, in its order: each step interrupted where the most is left undone or untold. */
const EVERY_MOMENT: readonly (readonly [string, Moment])[] = [
  ['with the request stored and its sender not told', 'after accepted'],
  ['while the recording is with the transcription service', 'after heard'],
  ['with the transcript stored and nobody told', 'after filed'],
  ['with the searches chosen and none made', 'after stored 2'],
  ['while the model understands what was said', 'after asked 3'],
  ['with the meeting stored and nobody told', 'after filed 2'],
  ['with one of the tasks on the board', 'after filed 3'],
  ['with the invitation or the mail proposed and not committed', 'before proposed'],
  ['with both proposals stored', 'after proposed 2'],
  ['with the invitation in the calendar and the ledger not told', 'after invited'],
  ['with the mail in the outbox and the ledger not told', 'after linked'],
  ['while the model answers for the last time', 'after asked 6'],
];
/** Every other one; a soak takes all of them. */
const MOMENTS =
  process.env.SOAK_MOMENTS === 'all' ? EVERY_MOMENT : EVERY_MOMENT.filter((_moment, place) => place % 2 === 0);

const inLane = lanes(2);
const WAITING = { timeout: 600_000 };

let note: Note;
let template: string;
let person: Person;
let model: AnthropicStandIn;
let transcription: TranscriptionStandIn;

beforeAll(async () => {
  const found = sharedNotes()[0];
  if (found === undefined) throw new Error('no note');
  note = found;
  model = await startAnthropicStandIn({ script: noteMind([note]), factsFrom: 'anywhere' });
  transcription = await startTranscriptionStandIn();
  transcription.hear(`${note.id}.ogg`, note.transcript);
  const product = await startProduct({ home: newHome(), env: environment() });
  person = await seedNote(product.api.url, note);
  await product.stop();
  template = product.home;
});

afterAll(async () => {
  await removeHomes();
  await model?.close();
  await transcription?.close();
  model?.assertClean();
  transcription?.assertClean();
});

function environment(more: Record<string, string> = {}): Record<string, string> {
  return {
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'test-key',
    TRANSCRIPTION_BASE_URL: transcription.url,
    ...more,
  };
}

const LONGEST_LIFE_MS = 90_000;

/** Sends the note, again while nobody answers, and approves what waits, until the process is dead. */
async function useUntilDead(product: Product, key: string): Promise<void> {
  const seeded = actingAs(product.api.url, product.home, person);
  const until = Date.now() + LONGEST_LIFE_MS;
  let request: string | undefined;
  while (isAlive(product.pid)) {
    if (Date.now() > until) throw new Error(`it never got to the moment it was to die at:\n${product.output()}`);
    try {
      request ??= await sendRecording(seeded.api, note, '', key);
      await approveWaiting(seeded, request);
    } catch (error) {
      // It died under the call.
      if (!(error instanceof TypeError)) throw error;
    }
    await delay(50);
  }
}

/** Approves everything once both proposals and the summary are there. */
async function approveWaiting(seeded: Seeded, request: string): Promise<void> {
  if ((await seeded.api.request(request)).status !== 'waiting_approval') return;
  for (const approval of await seeded.pending(request)) await seeded.approve(approval);
}

async function seeToEnd(seeded: Seeded, request: string): Promise<void> {
  const until = Date.now() + 120_000;
  for (;;) {
    const { endedAt } = await seeded.api.request(request);
    if (endedAt !== undefined) return;
    if (Date.now() > until) throw new Error(JSON.stringify(await seeded.api.request(request), null, 1));
    await approveWaiting(seeded, request);
    await delay(100);
  }
}

/** The result as if nothing had happened, and everything there once. */
async function expectAllOnce(seeded: Seeded, request: string): Promise<void> {
  const { expected: facts } = note;
  expect(await seeded.api.request(request)).toMatchObject({ status: 'completed', waitingFor: [] });
  const filed = await seeded.atoms('meetings');
  const ofKind = (kind: string) => filed.filter((atom) => atom.metadata['kind'] === kind);
  expect(ofKind('transcript').map(({ payload }) => (payload as { text: string }).text)).toEqual([note.transcript]);
  const meetings = ofKind('meeting').map(({ payload }) => payload as unknown as Meeting);
  expect(meetings.map(({ actionItems }) => actionItems.length)).toEqual([facts.actionItems.length]);
  const board = (await seeded.atoms('tasks')).map(
    ({ payload }) => payload as { title: string; owner?: string; due?: string },
  );
  expect(board.map(({ title }) => title).toSorted()).toEqual(facts.actionItems.map(({ text }) => text).toSorted());
  for (const item of facts.actionItems)
    expect(board.find(({ title }) => title === item.text)).toEqual({
      title: item.text,
      owner: item.owner,
      due: item.due,
    });
  expect(seeded.calendar().match(/BEGIN:VEVENT/g)).toHaveLength(1);
  expect(seeded.outbox()).toHaveLength(1);
  const calls = nodes(await seeded.api.trace(request)).filter(({ kind }) => kind === 'call');
  expect(calls.filter(({ name }) => name === 'transcribe_audio')).toHaveLength(1);
  expect(calls.every(({ status }) => status === 'done')).toBe(true);
  const events = await seeded.api.events(request);
  expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, place) => place + 1));
  expect(events.filter(({ type }) => type === 'done')).toHaveLength(1);
}

function nodes(node: TraceNode): TraceNode[] {
  return [node, ...node.children.flatMap(nodes)];
}

describe.concurrent('kill -9 on the way of a voice note, which has one result all the same', () => {
  it.each(MOMENTS)('%s', WAITING, (_, moment) =>
    inLane(async () => {
      const home = newHome(template);
      const port = await freePort();
      const mark = path.join(path.dirname(home), 'mark');
      const env = environment({ STOP_AT: moment, STOP_MARK: mark, STOP_BY: 'SIGKILL' });
      const first = await startProduct({ home, port, env, preload: STOP_AT });
      await useUntilDead(first, moment);
      expect(stoppedAt(mark)).toEqual({ moment, pid: first.pid });
      // Every other time the Temporal server dies with it.
      if (MOMENTS.findIndex(([, other]) => other === moment) % 2 === 1) await first.killAll();
      const last = await startProduct({ home, port, env: environment() });
      const seeded = actingAs(last.api.url, home, person);
      // The sender repeats what nobody answered; otherwise this names the request that is there.
      const request = await sendRecording(seeded.api, note, '', moment);
      await seeToEnd(seeded, request);
      await expectAllOnce(seeded, request);
      await last.killAll();
    }),
  );
});
