import path from 'node:path';
import pino, { type Logger } from 'pino';
import type { ActivityDeps } from '../activities/deps.js';
import type { Config } from '../config/index.js';
import { DEFAULT_INSTRUCTIONS } from '../config/default-instructions.js';
import { createLocalCalendar } from '../connectors/local/calendar.js';
import { createWorkspace } from '../connectors/local/workspace.js';
import type { Skill } from '../contracts/skill.js';
import type { AgentProfile, Engine } from '../engine/deps.js';
import { InstallationModels } from '../models/installation.js';
import { builtinSkills } from '../skills/index.js';
import { createSkillRegistry, type SkillRegistry } from '../skills/registry.js';
import { createBlobStore } from '../store/blobs.js';
import { assertOutsideTransaction } from '../store/db.js';
import type { OutboxRow } from '../store/outbox.js';
import { openStore, type Store } from '../store/open.js';

/** Everything a process of this installation shares, whatever it serves. The one who opens it closes it. */
export interface Installation {
  readonly config: Config;
  readonly log: Logger;
  readonly store: Store;
  readonly engine: Engine;
  readonly models: InstallationModels;
  readonly skills: SkillRegistry;
  readonly activityDeps: ActivityDeps;
  /** Sends committed outbox rows to whoever delivers them; set once there is a connection to Temporal. */
  deliverThrough(target: { poke(rows: readonly OutboxRow[]): void }): void;
  close(): Promise<void>;
}

export interface InstallationOptions {
  readonly say: (line: string) => void;
  readonly log?: Logger;
  /** Skills beside the built-in ones. */
  readonly moreSkills?: readonly Skill[];
  /** How long servers that are away are waited for; default a minute. */
  readonly patienceMs?: number | undefined;
}

export async function openInstallation(config: Config, options: InstallationOptions): Promise<Installation> {
  const log = options.log ?? createLogger(config);
  let relay: { poke(rows: readonly OutboxRow[]): void } | undefined;
  const store = await openStore({
    url: config.environment.DATABASE_URL,
    folder: config.folders.database,
    connections: config.file.database.connections,
    log: options.say,
    outbox: { poke: (rows) => relay?.poke(rows) },
    patienceMs: options.patienceMs,
  });
  const models = createModels(config);
  const skills = createSkillRegistry([...builtinSkills, ...(options.moreSkills ?? [])]);
  const engine = createEngine(config, store, models, skills);
  return {
    config,
    log,
    store,
    engine,
    models,
    skills,
    activityDeps: {
      engine,
      models,
      skills,
      bus: store.bus,
      calendar: createLocalCalendar({ root: config.folders.local }),
      workspace: createWorkspace({ root: config.folders.workspaces }),
      parkedMs: config.file.models.parkedSeconds * 1000,
      log,
    },
    deliverThrough: (target) => {
      relay = target;
    },
    close: () => store.close(),
  };
}

function createModels(config: Config): InstallationModels {
  const { environment, file } = config;
  return new InstallationModels({
    apiKey: environment.ANTHROPIC_API_KEY,
    baseUrl: environment.ANTHROPIC_BASE_URL,
    tiers: file.models.tiers,
    fallback: file.models.fallback,
    prices: file.models.prices,
    maxOutputTokens: file.models.maxOutputTokens,
    contextTokens: file.models.contextTokens,
    timeoutMs: file.models.timeoutSeconds * 1000,
    idleTimeoutMs: file.models.idleSeconds * 1000,
    fetch: (input, init) => {
      assertOutsideTransaction('A model');
      return fetch(input, init);
    },
  });
}

function createEngine(config: Config, store: Store, models: InstallationModels, skills: SkillRegistry): Engine {
  const { file, folders } = config;
  const agents: Record<string, AgentProfile> = { default: { instructions: DEFAULT_INSTRUCTIONS } };
  for (const [name, agent] of Object.entries(file.agents)) {
    agents[name] = {
      instructions: agent.instructions,
      ...(agent.model === undefined ? {} : { model: agent.model }),
      ...(agent.skills === undefined ? {} : { skills: agent.skills }),
    };
  }
  return {
    db: store.db,
    blobs: createBlobStore(folders.blobs),
    limits: {
      turns: file.limits.turns,
      callsPerTurn: file.limits.callsPerTurn,
      deadlineSeconds: Math.round(file.limits.deadlineHours * 3600),
      budgetUsd: file.limits.budgetUsd,
      conversationTail: file.limits.conversationTail,
    },
    agents,
    defaultModel: file.models.default,
    resolveModel: (name) => models.resolve(name),
    skillNames: skills.list().map((skill) => skill.manifest.name),
    defaultTimeZone: file.owner.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

/** The embedded profile keeps the terminal for people and logs to a file; servers log JSON to standard output. */
export function createLogger(config: Config): Logger {
  const { environment, folders } = config;
  const options = { level: environment.RETINUE_LOG, redact: ['req.headers.authorization', 'req.headers.cookie'] };
  if (environment.DATABASE_URL !== undefined) return pino(options);
  return pino(options, pino.destination({ dest: path.join(folders.home, 'retinue.log'), mkdir: true, sync: true }));
}
