import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { EffectClass } from '../../contracts/effect-class.js';
import { ProblemError } from '../../contracts/problem.js';
import { outsideSkill, type Skill } from '../../contracts/skill.js';

/** A machine that takes deployments from whoever shows its key, and repeats what it was shown in every form it knows. */
export interface DeployTarget {
  readonly host: string;
  /** What was deployed, in order. */
  readonly deployed: readonly string[];
  /** How many were turned away for a wrong key. */
  readonly refused: number;
  /** The next deployment fails, with an answer that repeats what it was shown. */
  failOnce(): void;
  close(): Promise<void>;
}

export async function startDeployTarget(key: string): Promise<DeployTarget> {
  const deployed: string[] = [];
  let refused = 0;
  let isFailing = false;
  const server = createServer((request, response) => {
    void (async () => {
      const what = await text(request);
      const shown = request.headers.authorization ?? '';
      const isRight = request.method === 'POST' && request.url === '/deploy' && shown === `Bearer ${key}`;
      const status = isRight ? (isFailing ? 409 : 201) : 401;
      if (!isRight) refused += 1;
      else if (!isFailing) deployed.push(what);
      isFailing = false;
      response.writeHead(status, { 'content-type': 'text/plain' });
      response.end(`${status} ${what} ${echoOf(shown)}`);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    deployed,
    get refused() {
      return refused;
    },
    failOnce: () => {
      isFailing = true;
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

function echoOf(shown: string): string {
  return [shown, Buffer.from(shown).toString('base64'), encodeURIComponent(shown), JSON.stringify({ shown })].join(' ');
}

const DeployInputSchema = z.strictObject({ key: z.string(), host: z.string(), what: z.string() });
type DeployInput = z.infer<typeof DeployInputSchema>;

/** `deploy` acts at once, `deploy_outward` once approved; both show the answer of the machine wherever a skill can. */
export const deploySkills: readonly Skill[] = [
  deploySkill('deploy', 'internal'),
  deploySkill('deploy_outward', 'outward'),
];

function deploySkill(name: string, effect: EffectClass): Skill {
  return outsideSkill<DeployInput, { said: string }>({
    manifest: {
      name,
      description: 'Deploys to a machine with the key that opens it.',
      effect,
      input: DeployInputSchema,
      output: z.strictObject({ said: z.string() }),
      timeoutSeconds: 10,
      taints: [],
      summary: ({ what, key, host }) => `Deploys ${what} to ${host} with ${key}`,
    },
    run: ({ key, host, what }, { secrets }) =>
      secrets.use(key, host, async (value) => {
        const answer = await fetch(`http://${host}/deploy`, {
          method: 'POST',
          headers: { authorization: `Bearer ${value}` },
          body: what,
        });
        const said = await answer.text();
        if (!answer.ok) throw new ProblemError('conflict', `The machine said: ${said}`);
        return {
          output: { said },
          outputs: [{ kind: 'deployment', title: said, ref: `deploy:${value}` }],
          undo: { said },
        };
      }),
    async store(result, _input, { spaces }) {
      const memory = await spaces.ofRole('memory');
      await spaces.put(memory.id, { payload: { text: result.output.said }, comment: result.output.said });
      return result;
    },
    undo: async () => undefined,
  });
}
