import { noRecordings } from '../helpers/no-recordings.js';
import path from 'node:path';
import { createLocalCalendar } from '../../connectors/local/calendar.js';
import { createWorkspace } from '../../connectors/local/workspace.js';
import { createLocalMail } from '../../connectors/local/mail.js';
import type { ActivityDeps } from '../../activities/deps.js';
import { InFlight } from '../../activities/in-flight.js';
import { createProposer, type Services } from '../../activities/proposer.js';
import type { ModelReply, ModelRequest } from '../../contracts/model.js';
import type { Skill } from '../../contracts/skill.js';
import type { AgentRef } from '../../contracts/step.js';
import { acceptRequest } from '../../engine/accept.js';
import type { EffectTimes, Engine } from '../../engine/deps.js';
import { viewRequest } from '../../engine/requests.js';
import { createUser, ensureOwner } from '../../engine/users.js';
import { builtinSkills } from '../../skills/index.js';
import { createSkillRegistry, skillFacts } from '../../skills/registry.js';
import { createBlobStore } from '../../store/blobs.js';
import { openTestStore, type TestStore } from '../helpers/store.js';

/** The engine on a real store without Temporal: tests call the activities themselves. */
export interface EngineKit {
  readonly store: TestStore;
  readonly engine: Engine;
  readonly deps: ActivityDeps;
  readonly owner: string;
  /** Every request the model was asked. */
  readonly asked: ModelRequest[];
  /** What the model answers from now on. */
  answer(reply: (request: ModelRequest) => Promise<ModelReply> | ModelReply): void;
  /** Accepts a message; nothing runs by itself. */
  accept(text: string, user?: string): Promise<AgentRef>;
  person(name: string): Promise<string>;
  close(): Promise<void>;
}

export function reply(content: ModelReply['content'], stopReason: ModelReply['stopReason'] = 'end_turn'): ModelReply {
  return {
    model: 'canned',
    content,
    stopReason,
    usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 },
  };
}

export async function openEngine(
  moreSkills: readonly Skill[] = [],
  effectTimes: Partial<EffectTimes> = {},
): Promise<EngineKit> {
  const store = await openTestStore();
  const skills = createSkillRegistry([...builtinSkills, ...moreSkills]);
  const services: Services = {
    calendar: createLocalCalendar({ root: path.join(store.folder, 'local') }),
    mail: createLocalMail({ root: path.join(store.folder, 'local') }),
    workspace: createWorkspace({ root: path.join(store.folder, 'workspaces') }),
    ...noRecordings,
  };
  const engine: Engine = {
    db: store.db,
    blobs: createBlobStore(path.join(store.folder, 'blobs')),
    limits: {
      turns: 10,
      callsPerTurn: 10,
      deadlineSeconds: 3_600,
      budgetUsd: '1',
      conversationTail: 20,
      approvalDays: 7,
      audioMinutes: 120,
      injectedTokens: 2_000,
      depth: 5,
      children: 50,
      agents: 200,
    },
    agents: { default: { instructions: 'Help.' } },
    defaultModel: 'canned',
    resolveModel: (name) => name,
    skillNames: skills.list().map((skill) => skill.manifest.name),
    skillFacts: skillFacts(skills),
    defaultTimeZone: 'UTC',
    effects: { leaseMs: 400, sendMs: 300, retryMs: 1, probeDelaysMs: [1, 1, 1], ...effectTimes },
    proposer: createProposer(skills, services, store.db),
    audioSeconds: async () => undefined,
  };
  const { id: owner } = await ensureOwner(engine, { name: 'Olga', timeZone: 'UTC', token: 'token-of-the-owner' });
  const asked: ModelRequest[] = [];
  let answering: (request: ModelRequest) => Promise<ModelReply> | ModelReply = () =>
    reply([{ type: 'text', text: 'fine' }]);
  const deps: ActivityDeps = {
    engine,
    skills,
    models: {
      complete: async (request) => {
        asked.push(request);
        return answering(request);
      },
      order: (model) => [model],
      priceOf: () => '0.001',
      highestPriceOf: () => '0.01',
      affordableOutputTokens: () => 1_000,
      isPriced: () => true,
      maxOutputTokens: 1_000,
      contextCharacters: 100_000,
    },
    bus: store.bus,
    ...services,
    bootId: 'boot_test',
    inFlight: new InFlight(),
    parkedMs: 1_000,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  };
  return {
    store,
    engine,
    deps,
    owner,
    asked,
    answer: (next) => {
      answering = next;
    },
    accept: async (text, user = owner) => {
      const { id } = await acceptRequest(engine, user, { body: { text } });
      return { user, request: id, agent: (await viewRequest(engine, user, id)).agent };
    },
    person: async (name) => (await createUser(engine, { id: owner, isOwner: true }, { name })).id,
    close: () => store.close(),
  };
}
