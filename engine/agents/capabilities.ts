import { ALWAYS_HELD } from './rights.js';

/** Skills are named after what they deal with, in front or at the end; areas that are not listed here give the word themselves. */
const AREAS: readonly (readonly [RegExp, string])[] = [
  [/_(agent|work|access)$/, 'agents'],
  [/_memory$|^(remember|forget)$/, 'memory'],
  [/_meeting$/, 'meetings'],
  [/_audio$/, 'audio'],
  [/_user$|^send_message$/, 'user'],
  [/^email_/, 'mail'],
  [/^file_/, 'files'],
  [/^space_/, 'spaces'],
];

/** What skills are good for, one word each, such as `web` or `mail`. What every agent may do says nothing and is left out. */
export function capabilitiesOf(skills: readonly string[]): string[] {
  const telling = skills.filter((name) => !ALWAYS_HELD.some((held) => held === name));
  return [...new Set(telling.map(capabilityOf))].toSorted();
}

/** The word for one skill; of a connected server it is the server's name. */
export function capabilityOf(skill: string): string {
  const server = /^mcp__(.+?)__/.exec(skill)?.[1];
  if (server !== undefined) return server;
  return AREAS.find(([pattern]) => pattern.test(skill))?.[1] ?? skill.split('_')[0] ?? skill;
}
