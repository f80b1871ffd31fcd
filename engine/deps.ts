import type { Embedder } from '../contracts/services.js';
import type { Proposal, SkillCaller, SkillFacts } from '../contracts/skill.js';
import type { JsonValue } from '../contracts/space.js';
import type { Db } from '../store/db.js';
import type { BlobStore } from '../store/blobs.js';

/** Bounds of one request; each ends it with a plain sentence, none hangs. */
export interface Limits {
  readonly turns: number;
  readonly callsPerTurn: number;
  readonly deadlineSeconds: number;
  /** USD a request may spend when it names no budget. */
  readonly budgetUsd: string;
  /** Earlier requests of the conversation that reach the model. */
  readonly conversationTail: number;
  /** Days until an approval that nobody has decided expires. */
  readonly approvalDays: number;
  /** The longest recording that is taken, in minutes. */
  readonly audioMinutes: number;
  /** Generations of agents below the first one of a request. */
  readonly depth: number;
  /** Agents that one agent may spawn, and a request may have, in all. */
  readonly children: number;
  readonly agents: number;
  /** What an agent's context may hold of memory and standing instructions without being asked, in tokens. */
  readonly injectedTokens: number;
}

export interface AgentProfile {
  readonly instructions: string;
  /** Tier or model id; the installation's default when omitted. */
  readonly model?: string;
  /** Every skill when omitted. */
  readonly skills?: readonly string[];
}

/** Times of the effects ledger, in milliseconds. */
export interface EffectTimes {
  /** How long an attempt owns its entry; longer than `sendMs`. */
  readonly leaseMs: number;
  /** Until when after its claim an attempt may begin to send, on the monotonic clock. */
  readonly sendMs: number;
  /** Before the second attempt; twice that before the third. */
  readonly retryMs: number;
  /** Between an attempt whose end nobody saw and each look at what became of it. */
  readonly probeDelaysMs: readonly number[];
}

export const EFFECT_TIMES: EffectTimes = {
  leaseMs: 20_000,
  sendMs: 15_000,
  retryMs: 1_000,
  probeDelaysMs: [2_000, 10_000, 60_000],
};

/** Makes proposals of payloads; skills and services stand behind it. May look outside, so never inside a transaction. */
export interface Proposer {
  /** Throws `invalid-body` with the paths of wrong fields under `payload`, or what the skill refuses. */
  propose(
    caller: SkillCaller,
    skill: string,
    key: string,
    payload: JsonValue,
  ): Promise<{ readonly payload: JsonValue; readonly proposal: Proposal }>;
  /** Whether calls of the skill have recipients that a policy can name. */
  isRelaxable(skill: string): boolean;
}

/** What the rules of the engine need from the process they run in. */
export interface Engine {
  readonly db: Db;
  readonly blobs: BlobStore;
  readonly limits: Limits;
  /** By name; `default` always exists. */
  readonly agents: Readonly<Record<string, AgentProfile>>;
  readonly defaultModel: string;
  /** The model id for a tier or id, or undefined when the installation has no such model. */
  readonly resolveModel: (name: string) => string | undefined;
  readonly skillNames: readonly string[];
  /** What of a skill decides who may be given it, and to what effect. */
  readonly skillFacts: (name: string) => SkillFacts | undefined;
  readonly defaultTimeZone: string;
  readonly effects: EffectTimes;
  readonly proposer: Proposer;
  /**
   * Length of a recording in seconds, undefined where its bytes do not tell. Never inside a transaction. Throws
   * `ProblemError`: `unavailable` where too many are being read, `unsupported-media` where a large one cannot be.
   */
  readonly audioSeconds: (bytes: Uint8Array, mediaType: string) => Promise<number | undefined>;
  /** Undefined where no embeddings service is configured or the database cannot keep vectors: search goes by words. */
  readonly embedder?: Embedder | undefined;
  /** Where it is said that something works less well than it could. */
  readonly log?: { warn(fields: { readonly err: unknown }, message: string): void } | undefined;
}
