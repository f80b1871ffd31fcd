import { z } from 'zod';
import { Client } from '@temporalio/client';
import {
  outsideSkill,
  type OutsideContext,
  type Skill,
  type TransactionContext,
  transactionSkill,
} from '../../contracts/skill.js';
import type { EffectClass } from '../../contracts/effect-class.js';
import type { JsonValue } from '../../contracts/space.js';
import type { Event, NewRequest } from '../../contracts/request.js';
import { cancelRequest, requestUndo } from '../../engine/cancel.js';
import { postMessage } from '../../engine/messages.js';
import { readEvents } from '../../engine/event-feed.js';
import type { CallRow, TurnRow } from '../../engine/rows.js';
import { sql } from '../../store/sql.js';
import { blocksOf, textOf } from '../stand-ins/anthropic-body.js';
import {
  type AnthropicStandIn,
  type RecordedCall,
  type ScriptInput,
  type ScriptTurn,
  startAnthropicStandIn,
  type TurnSource,
} from '../stand-ins/anthropic.js';
import { createWorld, type RequestView, type World, type WorldOptions } from '../helpers/world.js';

type OutsideBehaviour = (context: OutsideContext) => Promise<JsonValue>;
type InsideBehaviour = (context: TransactionContext) => Promise<JsonValue>;

/** A world whose model plays scripts and whose planted skills do what a test says. */
export interface Stage {
  readonly world: World;
  readonly model: AnthropicStandIn;
  readonly client: Client;
  /** Sends a message that the model answers with these turns, however often it is asked for one; returns the request's id. */
  play(turns: readonly TurnSource[], body?: Partial<NewRequest>): Promise<string>;
  /** What every agent says whose task contains these words. */
  script(task: string, turns: readonly TurnSource[]): void;
  /** `play` and wait for the end. */
  finish(turns: readonly TurnSource[], body?: Partial<NewRequest>): Promise<RequestView>;
  /** The model's calls for one request, in order. */
  asked(request: string): RecordedCall[];
  /** What a call of the skill `probe` (outside; 10 s) or `probe_short` (1 s) with this name does. */
  outside(name: string, behaviour: OutsideBehaviour): void;
  /** What a call of the skill `probe_inside` (one transaction) with this name does. */
  inside(name: string, behaviour: InsideBehaviour): void;
  say(request: string, text: string): Promise<void>;
  cancel(request: string): Promise<void>;
  undo(call: string): Promise<void>;
  callsOf(request: string): Promise<CallRow[]>;
  turnsOf(request: string): Promise<TurnRow[]>;
  eventsOf(request: string): Promise<Event[]>;
  /** Throws when the model saw anything wrong since the last time. */
  assertClean(): void;
  close(options?: { keepHome?: boolean }): Promise<void>;
}

export interface StageOptions extends Omit<WorldOptions, 'modelUrl'> {
  /** Goes on with the model of an earlier stage. */
  readonly model?: AnthropicStandIn;
  readonly scripts?: Scripts;
}

/** Turns by the key that stands in the request's text. */
export type Scripts = Map<string, readonly TurnSource[]>;

export async function openStage({ scripts = new Map(), ...options }: StageOptions = {}): Promise<Stage> {
  const model = options.model ?? (await startAnthropicStandIn({ factsFrom: 'anywhere' }));
  model.setScript((input) => turnFor(scripts, input));
  const outside = new Map<string, OutsideBehaviour>();
  const inside = new Map<string, InsideBehaviour>();
  const world = await createWorld({
    ...options,
    modelUrl: model.url,
    moreSkills: [...plantedSkills(outside, inside), ...(options.moreSkills ?? [])],
  });
  const { engine } = world.serving.installation;
  const keys = new Map<string, string>();
  let reported = 0;
  const play: Stage['play'] = async (turns, body = {}) => {
    const key = `case ${crypto.randomUUID().slice(0, 8)}:`;
    scripts.set(key, turns);
    const request = await world.send({ ...body, text: `${key} ${body.text ?? 'go'}` });
    keys.set(request, key);
    return request;
  };
  const rows = <T>(table: string, order: string, request: string): Promise<T[]> =>
    engine.db.as(world.owner, (tx) =>
      tx.rows<T>(sql<T>`select * from ${sql.raw(table)} where request_id = ${request} order by ${sql.raw(order)}`),
    );
  return {
    world,
    model,
    client: new Client({ connection: world.serving.connection, namespace: world.serving.temporal.namespace }),
    play,
    script: (task, turns) => void scripts.set(task, turns),
    finish: async (turns, body) => world.ended(await play(turns, body)),
    asked: (request) =>
      model.calls.filter((call) => call.body !== undefined && keyOf(scripts, call.body.messages) === keys.get(request)),
    outside: (name, behaviour) => void outside.set(name, behaviour),
    inside: (name, behaviour) => void inside.set(name, behaviour),
    say: async (request, text) => void (await postMessage(engine, world.owner, request, { text })),
    cancel: (request) => cancelRequest(engine, world.owner, request),
    undo: async (call) => void (await requestUndo(engine, world.owner, call)),
    callsOf: (request) => rows<CallRow>('calls', 'turn, position', request),
    turnsOf: (request) => rows<TurnRow>('turns', 'number', request),
    eventsOf: (request) => readEvents(engine, world.owner, request, 0, 1_000),
    assertClean: () => {
      const found = model.violations.slice(reported);
      reported = model.violations.length;
      if (found.length > 0) throw new Error(`the model saw violations:\n${found.join('\n')}`);
    },
    async close(end) {
      await world.close(end);
      if (end?.keepHome !== true) await model.close();
    },
  };
}

type Messages = ScriptInput['body']['messages'];

/** The key that was said last belongs to the request that asks. */
function keyOf(scripts: Scripts, messages: Messages): string | undefined {
  return [...scripts.keys()]
    .map((key) => ({ key, place: placeOf(messages, key) }))
    .filter(({ place }) => place >= 0)
    .toSorted((a, b) => b.place - a.place)[0]?.key;
}

function placeOf(messages: Messages, key: string): number {
  return messages.findLastIndex(
    (message) =>
      message.role === 'user' &&
      blocksOf(message.content).some((block) => block.type === 'text' && textOf([block]).includes(key)),
  );
}

/** The turn after as many as the request has had: asking again for one gives the same one. */
function turnFor(scripts: Scripts, input: ScriptInput): ScriptTurn {
  const key = keyOf(scripts, input.body.messages);
  if (key === undefined) throw new Error('no script for this request');
  const said = input.body.messages
    .slice(placeOf(input.body.messages, key))
    .filter((message) => message.role === 'assistant').length;
  const source = scripts.get(key)?.[said];
  if (source === undefined) throw new Error(`the script of ${key} has no turn ${said + 1}`);
  return typeof source === 'function' ? source(input) : source;
}

const ProbeInputSchema = z.strictObject({ name: z.string(), note: z.string().optional() });

function plantedSkills(
  outside: ReadonlyMap<string, OutsideBehaviour>,
  inside: ReadonlyMap<string, InsideBehaviour>,
): Skill[] {
  const manifest = (name: string, effect: EffectClass, timeoutSeconds: number) => ({
    name,
    description: 'Does what the test says.',
    effect,
    input: ProbeInputSchema,
    output: z.json(),
    timeoutSeconds,
    taints: [],
    summary: () => 'Probes',
  });
  const run = async ({ name }: { name: string }, context: OutsideContext) => ({
    output: await known(outside, name)(context),
  });
  return [
    outsideSkill({ manifest: manifest('probe', 'read', 10), run }),
    outsideSkill({ manifest: manifest('probe_short', 'read', 1), run }),
    outsideSkill({ manifest: manifest('probe_outward', 'outward', 10), run }),
    outsideSkill({ manifest: manifest('probe_destructive', 'destructive', 10), run }),
    transactionSkill({
      manifest: manifest('probe_inside', 'internal', 10),
      run: async ({ name }, context: TransactionContext) => ({ output: await known(inside, name)(context) }),
    }),
  ];
}

function known<T>(behaviours: ReadonlyMap<string, T>, name: string): T {
  const behaviour = behaviours.get(name);
  if (behaviour === undefined) throw new Error(`no behaviour called ${name}`);
  return behaviour;
}

/** Resolves when the given number of callers wait for it at the same time. */
export function barrier(count: number): () => Promise<void> {
  let waiting = 0;
  const gate = resolvers();
  return async () => {
    waiting += 1;
    if (waiting === count) gate.resolve();
    await gate.promise;
  };
}

/** A promise that a test resolves. */
export function resolvers<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
