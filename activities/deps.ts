import type { Logger } from 'pino';
import type { ModelCallOptions, ModelReply, ModelRequest, ModelUsage } from '../contracts/model.js';
import type {
  AttachedFiles,
  CalendarConnector,
  MailConnector,
  Transcriber,
  WebReader,
  WebSearch,
  WorkspaceFiles,
} from '../contracts/services.js';
import type { Engine } from '../engine/deps.js';
import type { SkillRegistry } from '../skills/registry.js';
import type { EventBus } from '../store/event-bus.js';
import type { SecretBox } from '../store/secrets.js';
import type { InFlight } from './in-flight.js';

/** The models of the installation behind one call. */
export interface Models {
  complete(request: ModelRequest, options: ModelCallOptions): Promise<ModelReply>;
  /** The model itself, then those to try when it stays away. */
  order(model: string): readonly string[];
  /** USD as a decimal string; undefined for a model without a price. */
  priceOf(model: string, usage: ModelUsage, at: Date): string | undefined;
  /** The most a call of this size can cost, in USD; undefined for a model without a price. */
  highestPriceOf(model: string, call: { promptTokens: number; maxOutputTokens: number }, at: Date): string | undefined;
  /** Output tokens that an amount in USD pays for beside a prompt of this size. */
  affordableOutputTokens(model: string, call: { promptTokens: number; usd: string }, at: Date): number;
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
  readonly mail: MailConnector;
  readonly workspace: WorkspaceFiles;
  readonly attached: AttachedFiles;
  readonly transcriber: Transcriber | undefined;
  readonly webSearch: WebSearch | undefined;
  readonly webReader: WebReader;
  /** The installation's key, made when it is first asked for; undefined where skills get no secrets. */
  readonly secretBox?: (() => SecretBox) | undefined;
  /** Names this process in the ledger. */
  readonly bootId: string;
  /** Effects that this process is sending at this moment. */
  readonly inFlight: InFlight;
  /** Outlives a database that loses its last commits; there where the database is embedded. */
  readonly journal?: { append(key: string, fence: number): Promise<void> } | undefined;
  /** Milliseconds until a model that only a person can mend is asked again. */
  readonly parkedMs: number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}
