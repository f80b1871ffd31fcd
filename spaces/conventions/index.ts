import { channel } from './channel.js';
import { chat } from './chat.js';
import type { Convention } from './convention.js';
import { document } from './document.js';
import { knowledgeBase } from './knowledge-base.js';
import { personalMemory } from './personal-memory.js';
import { promptLibrary } from './prompt-library.js';
import { scratchpad } from './scratchpad.js';
import { taskList } from './task-list.js';

/** What every user is taught at birth, as spaces of their own. */
export const CONVENTIONS: readonly Convention[] = [
  taskList,
  channel,
  chat,
  document,
  scratchpad,
  promptLibrary,
  knowledgeBase,
  personalMemory,
];
