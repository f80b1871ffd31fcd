import path from 'node:path';
import { type Environment, type Folders, foldersOf, readEnvironment, toolEnvironment } from './env.js';
import { type FileConfig, readConfigFile } from './file.js';

export { ConfigurationError } from './env.js';

/** All settings of one process, read and checked once before anything else starts. */
export interface Config {
  readonly environment: Environment;
  readonly file: FileConfig;
  readonly folders: Folders;
  /** The whole environment, for child processes and finding tools only. */
  readonly tools: Readonly<Record<string, string | undefined>>;
}

/** Throws `ConfigurationError` with a sentence for each wrong setting. */
export function loadConfig(source: NodeJS.ProcessEnv = process.env, cwd: string = process.cwd()): Config {
  const environment = readEnvironment(source);
  return {
    environment,
    file: readConfigFile(
      path.resolve(cwd, environment.RETINUE_CONFIG ?? 'retinue.yaml'),
      environment.RETINUE_CONFIG !== undefined,
    ),
    folders: foldersOf(environment, cwd),
    tools: toolEnvironment(source),
  };
}
