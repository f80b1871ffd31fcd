import type { Services } from '../../activities/proposer.js';
import { ProblemError } from '../../contracts/problem.js';

/** An installation without a transcription service and without the web, whose messages bring no files. */
export const noRecordings: Pick<Services, 'attached' | 'transcriber' | 'webSearch' | 'webReader'> = {
  attached: {
    read: async (_user, id) => {
      throw new ProblemError('not-found', `There is no file ${id}.`);
    },
  },
  transcriber: undefined,
  webSearch: undefined,
  webReader: {
    allows: () => false,
    read: async (url) => {
      throw new ProblemError('not-found', `There is no page ${url}.`);
    },
    probe: async (url) => {
      throw new ProblemError('not-found', `There is no page ${url}.`);
    },
  },
};
