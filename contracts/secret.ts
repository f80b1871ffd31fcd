import { ProblemError } from './problem.js';

/** What a secret may be called. */
export const SECRET_NAME_PATTERN = /^[A-Za-z0-9][\w.-]{0,99}$/;

const SCHEME = 'secret://';

/** What stands for a secret wherever its value must not stand, such as `secret://deploy-key`. */
export function referenceTo(name: string): string {
  return `${SCHEME}${name}`;
}

/** The name in a reference. Throws `ProblemError` `invalid-body`, which does not repeat what was given. */
export function secretName(reference: string): string {
  const name = nameIn(reference);
  if (name !== undefined) return name;
  throw new ProblemError('invalid-body', `A secret is named by a reference such as ${referenceTo('deploy-key')}.`);
}

/** Names of the secrets that a value refers to: strings that are a reference and nothing else, however deep they stand. */
export function secretsNamedIn(value: unknown): string[] {
  if (typeof value === 'string') {
    const name = nameIn(value);
    return name === undefined ? [] : [name];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(secretsNamedIn);
}

function nameIn(text: string): string | undefined {
  const name = text.slice(SCHEME.length);
  return text.startsWith(SCHEME) && SECRET_NAME_PATTERN.test(name) ? name : undefined;
}

/**
 * A host in the one spelling in which hosts are compared: lower case, with its port unless that is 443. Throws
 * `ProblemError` `invalid-body` for anything but one host.
 */
export function hostName(text: string): string {
  const address = `https://${text}`;
  const url = /[\s/?#@\\*]/.test(text) || !URL.canParse(address) ? undefined : new URL(address);
  if (url !== undefined && url.href === `https://${url.host}/`) return url.host;
  throw new ProblemError(
    'invalid-body',
    `${JSON.stringify(text.slice(0, 200))} is not a host. Name one host such as api.example.com or 127.0.0.1:4000, without scheme, path or wildcard.`,
  );
}
