import type { z } from 'zod';
import type { EffectClass, Label } from './effect-class.js';
import type { Atom, AtomPatch, JsonValue, NewAtom, Page, Search, SearchHit, Space, SpaceRole } from './space.js';

/** The only characters the wire allows in a tool's name. */
export const SKILL_NAME_PATTERN = /^[a-z][a-z0-9_]{0,63}$/;

/** Pure data about a skill: what it takes, what it does to the world, how long and how much. */
export interface SkillManifest<I = unknown, O = unknown> {
  readonly name: string;
  /** Written for the model: when to choose the skill and what comes back. */
  readonly description: string;
  readonly effect: EffectClass;
  readonly input: z.ZodType<I>;
  readonly output: z.ZodType<O>;
  /** Wall-clock limit of one attempt. */
  readonly timeoutSeconds: number;
  /** Labels a result puts on the agent that reads it. */
  readonly taints: readonly Label[];
  /** USD for one call as a decimal string; omitted means free. */
  readonly priceUsd?: string;
  /** Names of the secrets the skill may resolve while it runs. */
  readonly secrets?: readonly string[];
  /** One plain sentence for people about a call with this input, without its content where it could be long. */
  readonly summary: (input: I) => string;
}

export interface SkillResult<O> {
  readonly output: O;
  /** What `undo` needs later; without it the call cannot be undone. */
  readonly undo?: JsonValue;
  /** What the user gets shown as a result of the request. */
  readonly outputs?: readonly { readonly kind: string; readonly title: string; readonly ref: string }[];
  /** Labels that this result puts on the agent besides those of the manifest. */
  readonly taints?: readonly Label[];
}

/** For whom and why the call runs. All times in `now` and `timeZone` are those of the request, not of the machine. */
export interface SkillCaller {
  readonly callId: string;
  readonly requestId: string;
  readonly conversationId: string;
  readonly agentId: string;
  readonly user: { readonly id: string; readonly name: string };
  readonly timeZone: string;
  /** The instant that relative times refer to (when it was said), RFC 3339. */
  readonly now: string;
}

/** Spaces as the acting agent may use them; every operation checks its grant in the same transaction. */
export interface SpaceAccess {
  list(filter?: { role?: SpaceRole }): Promise<Space[]>;
  /** The space the user was born with for this role. */
  ofRole(role: SpaceRole): Promise<Space>;
  put(space: string, atom: NewAtom): Promise<Atom>;
  get(space: string, atom: string): Promise<Atom>;
  /** Throws `ProblemError` `stale` when `ifVersion` is not the newest. */
  update(space: string, atom: string, patch: AtomPatch): Promise<Atom>;
  deprecate(space: string, atom: string, comment: string): Promise<Atom>;
  /** Takes a deprecation back. */
  restore(space: string, atom: string, comment: string): Promise<Atom>;
  search(search: Search): Promise<Page<SearchHit>>;
}

/** Writes a message into the request's own conversation, in the call's transaction. */
export interface ConversationAccess {
  post(text: string, files: readonly string[]): Promise<{ message: string }>;
}

/** For skills that only touch the store: everything happens in the transaction that also stores the result. */
export interface TransactionContext extends SkillCaller {
  readonly spaces: SpaceAccess;
  readonly conversation: ConversationAccess;
}

export interface CalendarEvent {
  readonly id: string;
  readonly title: string;
  /** RFC 3339 with offset, or a date for a whole day. */
  readonly start: string;
  readonly end: string;
  readonly timeZone: string;
  readonly attendees: readonly string[];
  readonly description?: string;
}

export type NewCalendarEvent = Omit<CalendarEvent, 'id'>;

/** One calendar service behind one interface; `route` names in plain words where things were read or written. */
export interface CalendarConnector {
  readonly route: string;
  /** Events that overlap [from, to), by start. */
  list(user: string, range: { from: string; to: string }): Promise<CalendarEvent[]>;
  /** Idempotent by `id`: a second call with the same id returns the event that exists. */
  create(user: string, id: string, event: NewCalendarEvent): Promise<CalendarEvent>;
  /** Removing an event that is not there is a success. */
  remove(user: string, id: string): Promise<void>;
}

/** The user's own folder; no path leaves it. Paths use `/` and are relative. */
export interface WorkspaceFiles {
  list(user: string, folder: string): Promise<{ path: string; size: number; modifiedAt: string }[]>;
  /** Throws `ProblemError` `not-found` where nothing is, `too-large` over the limit. */
  read(user: string, path: string): Promise<string>;
  /** Returns what stood there before, or null. Atomic: a reader sees the old or the new text, never half. */
  write(user: string, path: string, text: string): Promise<{ previous: string | null }>;
  remove(user: string, path: string): Promise<void>;
}

/** For skills that reach outside the database. They run again after a crash, so they are keyed by `callId`. */
export interface OutsideContext extends SkillCaller {
  readonly calendar: CalendarConnector;
  readonly workspace: WorkspaceFiles;
  readonly abortSignal: AbortSignal;
}

interface SkillOf<I, O, C> {
  readonly manifest: SkillManifest<I, O>;
  run(input: I, context: C): Promise<SkillResult<O>>;
  /** Takes back what a call did; gets the `undo` value of its result. */
  undo?(undo: JsonValue, context: C): Promise<void>;
  /** May raise the effect class for this input, never lower it. Without `caller` the class is the one for anybody. */
  classify?(input: I, caller?: Pick<SkillCaller, 'conversationId'>): EffectClass;
}

/** Runs inside one database transaction and awaits nothing else. */
export interface TransactionSkill<I = never, O = unknown> extends SkillOf<I, O, TransactionContext> {
  readonly runs: 'transaction';
}

/** Runs outside the database; its result is stored afterwards. */
export interface OutsideSkill<I = never, O = unknown> extends SkillOf<I, O, OutsideContext> {
  readonly runs: 'outside';
  /**
   * Looks for what an interrupted attempt of this call has done already; what it finds is stored instead of running
   * again. Changes nothing.
   */
  reconcile?(input: I, context: OutsideContext): Promise<SkillResult<O> | undefined>;
}

/** Has no code to run: the call waits until the user's next message answers it. */
export interface QuestionSkill {
  readonly runs: 'question';
  readonly manifest: SkillManifest<{ question: string }, { answer: string }>;
}

export type Skill = TransactionSkill | OutsideSkill | QuestionSkill;

/** Keeps the input and output types of a skill while it is written, and forgets them in the registry. */
export function transactionSkill<I, O>(skill: Omit<TransactionSkill<I, O>, 'runs'>): Skill {
  return { runs: 'transaction', ...skill } as unknown as Skill;
}

/** As `transactionSkill`, for skills that reach outside. */
export function outsideSkill<I, O>(skill: Omit<OutsideSkill<I, O>, 'runs'>): Skill {
  return { runs: 'outside', ...skill } as unknown as Skill;
}
