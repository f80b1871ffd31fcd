import { describe, expect, test } from 'vitest';
import { needs } from './helpers/needs.js';
import { citationsIn, coverageGaps, readScenarioIds } from './helpers/requirements.js';
import { parseModule, readSources } from './helpers/source-files.js';
import { covered, REQUIREMENTS, type Requirement } from './requirements.js';

const OPEN: Requirement = { id: 'S0-02', state: 'open', reason: 'not built' };

describe('the promises of the seed texts', () => {
  test('are all listed, and nothing else is', (context) => {
    const ids = readScenarioIds();
    needs(context, 'the seed scenarios', ids !== undefined);
    expect(REQUIREMENTS.map(({ id }) => id).toSorted()).toEqual(ids?.toSorted());
  });

  test('are covered by running tests that cite them, or open with a reason', () => {
    expect(coverageGaps(REQUIREMENTS, citationsIn(readSources()))).toEqual([]);
  });
});

describe('a gap is found', () => {
  const file = 'a.test.ts';

  test.each<[string, Requirement[], string, RegExp[]]>([
    ['nothing is wrong', [covered('S0-01', file), OPEN], `test('works [S0-01]', f);`, []],
    ['no test cites a covered one', [covered('S0-01', file)], `test('works', f);`, [/S0-01 is covered, but no/]],
    ['a test cites an open one', [OPEN], `test.each([1])('works [S0-02]', f);`, [/S0-02 is open, but a\.test\.ts/]],
    ['a test cites an unknown one', [OPEN], `describe(\`all [S9-99] \${x}\`, f);`, [/cites S9-99, which is no/]],
    ['only a skipped test cites it', [covered('S0-01', file)], `test.skip('works [S0-01]', f);`, [/no running test/]],
    [
      'the test stands in a skipped group',
      [covered('S0-01', file)],
      `describe.skip('all', () => test('works [S0-01]', f));`,
      [/no running test/],
    ],
    [
      'another file is named',
      [covered('S0-01', 'b.test.ts')],
      `it('works [S0-02, S0-01]', f);`,
      [/a\.test\.ts cites S0-02/, /S0-01 names b\.test\.ts/, /S0-01 does not name a\.test\.ts/],
    ],
    ['one stands there twice', [OPEN, OPEN], '', [/S0-02 stands in the list twice/]],
    ['no reason is given', [{ ...OPEN, reason: ' ' }], '', [/S0-02 is open without a reason/]],
  ])('when %s', (_case, requirements, text, found) => {
    const gaps = coverageGaps(requirements, citationsIn([parseModule(`test/${file}`, text)]));
    expect(gaps).toEqual(found.map((pattern) => expect.stringMatching(pattern)));
  });
});
