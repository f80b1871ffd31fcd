/** Environment variables as the configuration hands them over. */
export type Environment = Readonly<Record<string, string | undefined>>;

const ESSENTIAL = ['PATH', 'HOME', 'USERPROFILE', 'SYSTEMROOT', 'TMPDIR', 'TEMP'];

/**
 * What the Temporal CLI (or a version manager's shim in its place) needs to run, and nothing else: the installation's
 * secrets are none of its business, and `TEMPORAL_*` variables must not change what it does.
 */
export function essentialEnvironment(environment: Environment): Record<string, string> {
  const entries = ESSENTIAL.map((name) => [name, environment[name]] as const);
  return Object.fromEntries(entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}
