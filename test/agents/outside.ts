import { z } from 'zod';
import { SendError } from '../../contracts/effect.js';
import { outsideSkill, type Skill } from '../../contracts/skill.js';

const OrderInputSchema = z.strictObject({ what: z.string().min(1), usd: z.number().optional() });

/** A service outside that takes orders once each, remembers them, and refuses on command. */
export interface OrderDesk {
  readonly skill: Skill;
  /** What was ordered, in order. */
  readonly orders: readonly string[];
  /** Throws when something was ordered that nobody had approved. */
  assertClean(): void;
  /** Refuses the next attempts. */
  refuse(times: number): void;
}

/** A skill that other people would notice: it is proposed, approved, and then carried out once. */
export function orderDesk(name: string): OrderDesk {
  const taken = new Map<string, string>();
  const early: string[] = [];
  let refusals = 0;
  const skill = outsideSkill<z.infer<typeof OrderInputSchema>, unknown>({
    manifest: {
      name,
      description: 'Orders something outside; it binds the user.',
      effect: 'outward',
      input: OrderInputSchema,
      output: z.json(),
      timeoutSeconds: 10,
      taints: [],
      summary: ({ what }) => `Orders ${what}`,
    },
    run: ({ what }) => {
      early.push(what);
      return Promise.reject(new Error('it was run without approval'));
    },
    outward: {
      prepare: ({ what, usd }) =>
        Promise.resolve({
          title: `${name}: ${what}`,
          preview: { text: usd === undefined ? what : `${what} for $${usd}`, recipients: [] },
        }),
      send({ key, input }, context) {
        context.beforeSend();
        if (refusals > 0) {
          refusals -= 1;
          return Promise.reject(new SendError('rejected', 'It is sold out.'));
        }
        taken.set(key, input.what);
        return Promise.resolve({
          providerId: key,
          output: { ordered: input.what },
          outputs: [{ kind: 'order', title: input.what, ref: `effect:${key}` }],
        });
      },
      probe: ({ key, input }) =>
        Promise.resolve(
          taken.has(key) ? { providerId: key, output: { ordered: input.what }, outputs: [] } : ('absent' as const),
        ),
    },
  });
  return {
    skill,
    get orders() {
      return [...taken.values()];
    },
    assertClean: () => {
      if (early.length > 0) throw new Error(`ordered without approval: ${early.join(', ')}`);
    },
    refuse: (times) => {
      refusals = times;
    },
  };
}

const OffersInputSchema = z.strictObject({ place: z.string().min(1) });
const OffersSchema = z.array(z.strictObject({ name: z.string(), usd: z.number() }));

/** A list of offers outside that a test may change at any time; a place that is not listed is an error. */
export function offerList(name: string, offers: Map<string, z.infer<typeof OffersSchema>>): Skill {
  return outsideSkill({
    manifest: {
      name,
      description: 'Looks for offers at a place.',
      effect: 'read',
      input: OffersInputSchema,
      output: z.strictObject({ offers: OffersSchema }),
      timeoutSeconds: 10,
      taints: ['untrusted'],
      summary: ({ place }) => `Looks for offers in ${place}`,
    },
    run({ place }) {
      const found = offers.get(place);
      if (found === undefined) return Promise.reject(new Error(`there are no offers for ${place}`));
      return Promise.resolve({ output: { offers: found } });
    },
  });
}
