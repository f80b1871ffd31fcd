import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWorld, type World } from '../helpers/world.js';

describe('the main job on the rehearsal model', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.close());

  test('a thank-you takes one call of the model [S1-20, S4-40, S2-29]', async () => {
    const view = await world.ended(await world.send({ text: 'thanks' }));
    expect(view.status).toBe('completed');
    expect(view.cost.charges.map((charge) => charge.kind)).toEqual(['model']);
    expect(view.cost.totalUsd).toBe('0');
  });
});
