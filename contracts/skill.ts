import type { z } from 'zod';
import type { EffectClass, Label } from './effect-class.js';
import type { AgentAccess } from './agent-access.js';
import type { Output } from './request.js';
import type { ScheduleAccess } from './schedule-access.js';
import type {
  AttachedFiles,
  CalendarConnector,
  MailConnector,
  SecretAccess,
  Transcriber,
  WebReader,
  WebSearch,
  WorkspaceFiles,
} from './services.js';
import type {
  Atom,
  AtomPatch,
  Grant,
  JsonValue,
  NewAtom,
  NewSpace,
  NewSubscription,
  Page,
  Permission,
  Search,
  SearchHit,
  Space,
  SpaceRole,
  Subscription,
} from './space.js';

/** The only characters the wire allows in a tool's name. */
export const SKILL_NAME_PATTERN = /^[a-z][a-z0-9_]{0,63}$/;

/** What of a skill decides who may be given it, and to what effect. */
export interface SkillFacts {
  readonly effect: EffectClass;
  readonly taints: readonly Label[];
  /** Only the agent that faces the user may use it. */
  readonly facesUser: boolean;
  /** It leaves work to other agents. */
  readonly delegates: boolean;
}

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
  /** Calls at work at once for one user; the others wait in the order in which they came. Only for skills that reach outside. */
  readonly maxConcurrent?: number;
  /** Between the beginnings of two calls for one user. Only for skills that reach outside. */
  readonly minIntervalSeconds?: number;
  /** Labels a result puts on the agent that reads it. */
  readonly taints: readonly Label[];
  /** USD for one call as a decimal string; omitted means free. */
  readonly priceUsd?: string;
  /** Names of secrets that the skill may use while it runs, besides those that the input of the call refers to. */
  readonly secrets?: readonly string[];
  /** Runs before the other calls of its turn, because it may bind them. */
  readonly first?: true;
  /** It leaves work to other agents: its calls of one turn run together, and may wait for what those come to. */
  readonly delegates?: true;
  /** Only the agent that faces the user may use it; it cannot be given to a subagent. */
  readonly facesUser?: true;
  /** A further call of the request with the same input gets the first one's result, free, whichever agent makes it. */
  readonly repeats?: 'request';
  /** What a call usually takes, for the model and for people: wall-clock seconds, and USD as a decimal string. */
  readonly hints?: { readonly seconds?: number; readonly usd?: string };
  /** One plain sentence for people about a call with this input, without its content where it could be long. */
  readonly summary: (input: I) => string;
}

export interface SkillResult<O> {
  readonly output: O;
  /** What `undo` needs later; without it the call cannot be undone. */
  readonly undo?: JsonValue;
  /** What the user gets shown as a result of the request. */
  readonly outputs?: readonly Output[];
  /** Labels that this result puts on the agent besides those of the manifest. */
  readonly taints?: readonly Label[];
  /** What was written outside the store, such as `file:notes.txt`: it carries the agent's words on, and their label. */
  readonly wrote?: readonly string[];
  /** What of that kind the result contains. */
  readonly read?: readonly string[];
  /** The agent whose answer is the result of this call; `output` is not looked at then. */
  readonly awaits?: string;
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
  /** The newest first, at most `limit` (1–200, 200 if omitted). Skills look for one by its role; `search` covers all. */
  list(filter?: { role?: SpaceRole; limit?: number }): Promise<Space[]>;
  /** One space; `not-found` where it may not be read. */
  space(id: string): Promise<Space>;
  /** The space the user was born with for this role. */
  ofRole(role: SpaceRole): Promise<Pick<Space, 'id'>>;
  put(space: string, atom: NewAtom): Promise<Atom>;
  get(space: string, atom: string): Promise<Atom>;
  /** Throws `ProblemError` `stale` when `ifVersion` is not the newest. */
  update(space: string, atom: string, patch: AtomPatch): Promise<Atom>;
  deprecate(space: string, atom: string, comment: string): Promise<Atom>;
  /** Takes a deprecation back. */
  restore(space: string, atom: string, comment: string): Promise<Atom>;
  search(search: Search): Promise<Page<SearchHit>>;
  /** Versions, newest first: at most `limit` (1–200, 50 if omitted) and about 8 MiB of payloads a page. */
  history(space: string, atom: string, page?: { limit?: number; cursor?: string }): Promise<Page<Atom>>;
  /** One version as it was written; `not-found` where there is none. */
  version(space: string, atom: string, version: number): Promise<Atom>;
  /** A new space, private to the user. */
  create(space: NewSpace): Promise<Space>;
  /** A new private space with the description, tags and atoms of another. */
  fork(space: string, name: string): Promise<Space>;
  /** Removes a space with all that is in it. */
  remove(space: string): Promise<void>;
  /** Who may do what; needs `grant`. */
  grants(space: string): Promise<Grant[]>;
  share(space: string, principal: string, permission: Permission): Promise<Grant>;
  /** What people call a person, or an agent of the user; undefined where there is none. */
  nameOf(principal: string): Promise<string | undefined>;
  unshare(space: string, principal: string): Promise<void>;
  /** What one of the user's agents is told of in this space, if anything; a confined one sees its own alone. */
  subscription(space: string, agent: string): Promise<Subscription | undefined>;
  /** Tells the agent of changes from now on, in place of what it was told of before. */
  subscribe(space: string, agent: string, wish: NewSubscription): Promise<Subscription>;
  unsubscribe(space: string, agent: string): Promise<void>;
}

/** The request's own conversation, in the call's transaction. */
export interface ConversationAccess {
  post(text: string, files: readonly string[]): Promise<{ message: string }>;
  /** What the user has typed in this request so far, in order. */
  said(): Promise<string[]>;
}

/** Why a task must stay as it is. */
export interface Hold {
  /** The atom of the meeting that contradicts an agreement. */
  readonly meeting: string;
  readonly agreement: string;
  /** What does not fit, in one sentence. */
  readonly text: string;
}

/** Tasks that stay as they are until the user has said what holds. */
export interface HoldAccess {
  /** From now on no agent changes the task; `former` is the status it had. */
  place(task: string, hold: Hold, former: string): Promise<void>;
  /** As `place`, for work that is not on the board yet: what an agent puts there under such a title is held at once. */
  expect(title: string, hold: Hold): Promise<void>;
  /** Why a task is held; `isAnswered` when the user has spoken since, so that it may change. */
  of(task: string): Promise<PlacedHold | undefined>;
  /** Takes back every hold that came from this meeting; returns the tasks that nothing else holds. */
  withdraw(meeting: string): Promise<{ readonly task: string; readonly former: string }[]>;
}

export interface PlacedHold extends Hold {
  readonly isAnswered: boolean;
  /** The status that the task had before. */
  readonly former: string;
}

/** For skills that only touch the store: everything happens in the transaction that also stores the result. */
export interface TransactionContext extends SkillCaller {
  readonly agents: AgentAccess;
  readonly spaces: SpaceAccess;
  readonly conversation: ConversationAccess;
  readonly holds: HoldAccess;
  readonly schedule: ScheduleAccess;
}

/** For skills that reach outside the database. They run again after a crash, so they are keyed by `callId`. */
export interface OutsideContext extends SkillCaller {
  readonly calendar: CalendarConnector;
  readonly mail: MailConnector;
  readonly workspace: WorkspaceFiles;
  readonly attached: AttachedFiles;
  /** Undefined where no transcription service is configured. */
  readonly transcriber: Transcriber | undefined;
  /** Undefined where no search service is configured. */
  readonly webSearch: WebSearch | undefined;
  readonly webReader: WebReader;
  /** Refuses while a proposal is made: nobody has agreed yet. */
  readonly secrets: SecretAccess;
  readonly abortSignal: AbortSignal;
}

/** While a proposal is made. */
export interface ProposalContext extends OutsideContext {
  /** Id of the approval and of the effect it leads to: what a provider is given to tell repeats by. */
  readonly key: string;
  /** The real time of the proposal, RFC 3339; what is made now carries it for ever. */
  readonly at: string;
}

/** While an approved action is carried out. */
export interface SendContext extends OutsideContext {
  /** To be called right before the first byte leaves. Throws when it is too late to send. */
  readonly beforeSend: () => void;
}

/** What a person is asked to approve: made once, kept, hashed, and carried out as it stands. */
export interface Proposal {
  /** One line, such as `Mail to dana@example.com: Lunch`. */
  readonly title: string;
  readonly preview: {
    /** Everything a person must judge, in full. */
    readonly text: string;
    readonly recipients: readonly string[];
    /** Local time of what is to happen, in plain words. */
    readonly when?: string;
  };
  /** Bytes that are finished now and leave later exactly so. */
  readonly frozen?: { readonly mediaType: string; readonly text: string };
  /** The state of the world that the proposal relies on. */
  readonly precondition?: JsonValue;
  /** Labels that its title or the answer to it put on the agent. */
  readonly taints?: readonly Label[];
}

export interface ApprovedAction<I> {
  readonly key: string;
  /** The payload that was approved. */
  readonly input: I;
  readonly frozen?: string;
  readonly precondition?: JsonValue;
}

/** What an action came to. */
export interface Sent {
  readonly providerId: string;
  /** For the model: what was done, and by which route. */
  readonly output: JsonValue;
  /** What the user gets shown as a result of the request. */
  readonly outputs: readonly Output[];
  /** Labels that the output puts on the agent besides those of the manifest. */
  readonly taints?: readonly Label[];
}

/** How a skill acts where other people see it: proposed, approved, then sent at most once. */
export interface OutwardAction<I> {
  /** Who is reached, in a form that policies can compare: addresses in lower case. Without it no policy covers the skill. */
  recipients?(input: I): readonly string[];
  prepare(input: I, context: ProposalContext): Promise<Proposal>;
  /** What has changed since the proposal so that it no longer fits, in one plain sentence. Asked right before sending. */
  difference?(action: ApprovedAction<I>, context: OutsideContext): Promise<string | undefined>;
  /** Throws `SendError`; anything else thrown before `beforeSend` counts as refused, after it as ambiguous. */
  send(action: ApprovedAction<I>, context: SendContext): Promise<Sent>;
  /** What has become of an attempt whose end nobody saw. Without it only a person can tell. */
  probe?(action: ApprovedAction<I>, context: OutsideContext): Promise<Sent | 'absent' | 'unsure'>;
  /**
   * What the user has taught by letting this happen, in a transaction of its own right after the one that records it;
   * once for each key, however often it runs. `proposed` is what the agent wanted, `at` when the user decided (RFC 3339).
   */
  learn?(
    done: {
      readonly key: string;
      readonly input: I;
      readonly proposed: JsonValue;
      /** The agent had read other people's words. */
      readonly isUntrusted: boolean;
      readonly at: string;
    },
    context: TransactionContext,
  ): Promise<void>;
}

interface SkillOf<I, O, C> {
  readonly manifest: SkillManifest<I, O>;
  run(input: I, context: C): Promise<SkillResult<O>>;
  /** Takes back what a call did; gets the `undo` value of its result. */
  undo?(undo: JsonValue, context: C): Promise<void>;
  /** May raise the effect class for this input, never lower it. Without `caller` the class is the one for anybody. */
  classify?(input: I, caller?: Pick<SkillCaller, 'conversationId'>): EffectClass;
  /**
   * For `egress`: the addresses that text goes to, whole, or `SEARCH_SERVICE`. Without it the model counts as having chosen
   * where it goes.
   */
  destinations?(input: I): readonly string[];
  /** For calls that wait for approval. Without it `run` is what is done once approved. */
  readonly outward?: OutwardAction<I>;
}

/** Runs inside one database transaction and awaits nothing else. */
export interface TransactionSkill<I = never, O = unknown> extends SkillOf<I, O, TransactionContext> {
  readonly runs: 'transaction';
  /** Ids of spaces that the input names and `run` writes to: outward after strangers' words where other people read one. */
  writesTo?(input: I): readonly string[];
  /** The queries that `run` will search for, so that what they mean can be looked up before the transaction begins. */
  searches?(input: I): readonly string[];
  /**
   * What a person is asked about a call that waits for them; without it the sentence about the call and its input.
   * Changes nothing. Throws `ProblemError` where the call could not run anyway.
   */
  propose?(input: I, context: TransactionContext): Promise<Proposal>;
}

/** Runs outside the database; its result is stored afterwards. */
export interface OutsideSkill<I = never, O = unknown> extends SkillOf<I, O, OutsideContext> {
  readonly runs: 'outside';
  /**
   * Looks for what an interrupted attempt of this call has done already; what it finds is stored instead of running
   * again. Changes nothing.
   */
  reconcile?(input: I, context: OutsideContext): Promise<SkillResult<O> | undefined>;
  /** What the result leaves in the store, written in the transaction that stores the result itself. */
  store?(result: SkillResult<O>, input: I, context: TransactionContext): Promise<SkillResult<O>>;
  /** As `classify`, where only a look outside can tell; asked right before the call runs. */
  assess?(input: I, context: OutsideContext): Promise<EffectClass>;
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
