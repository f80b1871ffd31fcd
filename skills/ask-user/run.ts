import type { QuestionSkill } from '../../contracts/skill.js';
import { askUserManifest } from './manifest.js';

/** Waits for the user's next message; there is nothing to run. */
export const askUser: QuestionSkill = { runs: 'question', manifest: askUserManifest };
