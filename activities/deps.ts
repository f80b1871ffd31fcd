import type { Logger } from 'pino';
import type { ModelCallOptions, ModelReply, ModelRequest, ModelUsage } from '../contracts/model.js';
import type { CalendarConnector, WorkspaceFiles } from '../contracts/skill.js';
import type { Engine } from '../engine/deps.js';
import type { SkillRegistry } from '../skills/registry.js';
import type { EventBus } from '../store/event-bus.js';

/** The models of the installation behind one call. */
export interface Models {
  complete(request: ModelRequest, options: ModelCallOptions): Promise<ModelReply>;
  /** The model itself, then those to try when it stays away. */
  order(model: string): readonly string[];
  /** USD as a decimal string; undefined for a model without a price. */
  priceOf(model: string, usage: ModelUsage, at: Date): string | undefined;
  isPriced(model: string, at: Date): boolean;
  readonly maxOutputTokens: number;
  /** Characters of context a request may have; about four are one token. */
  readonly contextCharacters: number;
}

export interface ActivityDeps {
  readonly engine: Engine;
  readonly models: Models;
  readonly skills: SkillRegistry;
  readonly bus: EventBus;
  readonly calendar: CalendarConnector;
  readonly workspace: WorkspaceFiles;
  /** Milliseconds until a model that only a person can mend is asked again. */
  readonly parkedMs: number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}
