import type { FastifyBaseLogger } from 'fastify';
import type { Engine } from '../engine/deps.js';
import type { EventBus } from '../engine/event-feed.js';
import type { EffectClass } from '../contracts/effect-class.js';
import type { SecretBox } from '../engine/triggers/signatures.js';

export interface SkillInfo {
  readonly name: string;
  readonly description: string;
  readonly effect: EffectClass;
  /** JSON Schema of the input. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly priceUsd?: string | undefined;
  readonly timeoutSeconds: number;
  /** Calls at work at once for one user. */
  readonly maxConcurrent?: number | undefined;
  /** Between the beginnings of two calls for one user. */
  readonly minIntervalSeconds?: number | undefined;
  /** What a call usually takes. */
  readonly hints?: { readonly seconds?: number; readonly usd?: string } | undefined;
}

export interface ModelInfo {
  readonly id: string;
  /** Names such as `fast` and `smart` that stand for this model. */
  readonly tiers: readonly string[];
  /** Whether a price is known; without one the model's turns are booked at 0. */
  readonly priced: boolean;
  readonly maxOutputTokens: number;
  /** USD per million tokens. */
  readonly pricesUsdPerMillion?:
    | {
        readonly input: string;
        readonly output: string;
        readonly cacheRead: string;
        readonly cacheWrite5m: string;
        readonly cacheWrite1h: string;
      }
    | undefined;
}

export interface Readiness {
  readonly ok: boolean;
  /** Plain words by part, such as `{database: 'ok', temporal: 'away'}`. */
  readonly parts: Readonly<Record<string, string>>;
}

export interface ApiSettings {
  /** Where browsers and programs reach this server; read when it is used, so a getter may name the port once it is known. */
  readonly publicUrl: string;
  readonly temporalUiUrl?: string | undefined;
  readonly namespace: string;
  readonly ready: () => Promise<Readiness>;
  readonly catalogue: { skills(): readonly SkillInfo[]; models(): readonly ModelInfo[] };
  /** Calls a minute: per user that read, per user that change something, and failed sign-ins per address. */
  readonly rateLimit?: { readonly reads?: number; readonly writes?: number; readonly failures?: number } | undefined;
}

/** What the web server needs from the process it runs in. */
export interface ApiDeps {
  readonly engine: Engine;
  readonly bus: EventBus;
  /** One-time tickets that sign a browser in; answers whose they are. */
  readonly tickets: { redeem(ticket: string): string | undefined };
  readonly settings: ApiSettings;
  /** Removes the folders that connectors keep for a user; succeeds where there are none. */
  readonly forgetFolders: (user: string) => Promise<void>;
  /** The installation's key, made when it is first asked for; undefined where no webhooks are taken. */
  readonly sealing?: (() => SecretBox) | undefined;
  readonly logger?: FastifyBaseLogger | undefined;
}
