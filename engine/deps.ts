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
}

export interface AgentProfile {
  readonly instructions: string;
  /** Tier or model id; the installation's default when omitted. */
  readonly model?: string;
  /** Every skill when omitted. */
  readonly skills?: readonly string[];
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
  readonly defaultTimeZone: string;
}
