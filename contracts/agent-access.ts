import type { Label } from './effect-class.js';
import type { Permission } from './space.js';

/** What an agent gets on its way; see `AgentGrant` for what is narrowed. */
export interface SpawnWish {
  readonly task: string;
  /** A text, `atom:ID`, or the name of a guideline. */
  readonly instructions?: string | undefined;
  readonly spaces?: Readonly<Record<string, Permission>> | undefined;
  readonly skills?: readonly string[] | undefined;
  readonly secrets?: readonly string[] | undefined;
  readonly hosts?: readonly string[] | undefined;
  readonly model?: string | undefined;
  readonly budgetUsd?: string | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly label?: string | undefined;
  readonly wait?: boolean | undefined;
  readonly priority?: number | undefined;
  readonly fallback?: { readonly model?: string | undefined; readonly instructions?: string | undefined } | undefined;
  readonly onFailure?: 'degrade' | 'ask' | undefined;
}

/** Rights that an agent asks for, or loses. */
export interface AccessWish {
  readonly spaces?: Readonly<Record<string, Permission>> | undefined;
  readonly skills?: readonly string[] | undefined;
  readonly secrets?: readonly string[] | undefined;
  readonly hosts?: readonly string[] | undefined;
}

/** An agent as those who coordinate it see it. */
export interface Work {
  readonly request: string;
  /** What the user asked for with the request, cut. */
  readonly said: string;
  readonly agent: string;
  readonly label: string;
  readonly parent?: string;
  readonly task?: string;
  readonly status: string;
  /** Place in the queue, from 1. */
  readonly position?: number;
  readonly outcome?: string;
  /** What it said last. */
  readonly said_last?: string;
  readonly waitingFor?: string;
  readonly costUsd: string;
}

/** Other agents, as the acting one may spawn, address, help and stop them. Throws `ProblemError` with what to do instead. */
export interface AgentAccess {
  /** `forbidden` with the path of everything that was too wide. */
  spawn(wish: SpawnWish): Promise<{ readonly agent: string; readonly label: string }>;
  /** To an agent of the same request; without a name to the coordinator. One that has ended goes on with it. */
  message(
    to: string | undefined,
    words: { readonly text: string; readonly waits: boolean },
  ): Promise<{ readonly agent: string; readonly label: string }>;
  requestAccess(wish: AccessWish, reason: string): Promise<{ readonly id: string }>;
  /** `waiting` where a person has to agree first. */
  answerAccess(
    id: string,
    answer: { readonly grant: boolean; readonly reason: string; readonly minutes?: number | undefined },
  ): Promise<{ readonly status: 'granted' | 'denied' | 'waiting'; readonly approval?: string }>;
  revokeAccess(agent: string, wish: AccessWish, reason: string): Promise<{ readonly taken: readonly string[] }>;
  /** Open requests of the conversation, with their agents; of a subagent those below itself. */
  list(): Promise<{ readonly work: readonly Work[]; readonly labels: readonly Label[] }>;
  steer(agent: string, text: string): Promise<{ readonly label: string }>;
  /** An agent with everything below it, or a whole request. */
  cancel(target: string, reason: string): Promise<{ readonly stopped: string }>;
}
