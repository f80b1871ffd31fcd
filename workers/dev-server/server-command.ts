import type { ServerPorts } from './ports.js';

const PORT_FLAGS = { frontend: '--port', ui: '--ui-port', http: '--http-port', metrics: '--metrics-port' } as const;

/**
 * Tuned for one machine: without the first value every dispatch waits for a queue poll (350 ms of overhead a request
 * instead of 64), the file in WAL mode takes three times the load, and FULL keeps what was committed through a power loss.
 */
const TUNING: readonly string[] = [
  ...['journal_mode=WAL', 'synchronous=FULL'].flatMap((pragma) => ['--sqlite-pragma', pragma]),
  ...[
    'history.transferProcessorMaxPollRPS=2000',
    'history.timerProcessorMaxPollRPS=2000',
    'history.visibilityProcessorMaxPollRPS=200',
    'system.enableActivityEagerExecution=true',
    'matching.enableFairness=true',
    // A server at home does not report to its vendor.
    'frontend.enableServerVersionCheck=false',
  ].flatMap((value) => ['--dynamic-config-value', value]),
];

export interface ServerCommand {
  readonly dbPath: string;
  readonly namespace: string;
  readonly ports: ServerPorts;
}

/** Arguments after the program's name for `temporal`. */
export function serverArguments({ dbPath, namespace, ports }: ServerCommand): string[] {
  return [
    'server',
    'start-dev',
    ...['--db-filename', dbPath],
    ...['--namespace', namespace],
    ...['--ip', '127.0.0.1'],
    ...Object.entries(PORT_FLAGS).flatMap(([name, flag]) => [flag, String(ports[name as keyof ServerPorts])]),
    ...['--log-level', 'warn'],
    ...TUNING,
  ];
}

/** The text that every server on this database file has in its command line. */
export function databaseMark(dbPath: string): string {
  return `server start-dev --db-filename ${dbPath} `;
}

/** The ports in a command line made by `serverArguments`, or null for any other. */
export function portsOf(commandLine: string): ServerPorts | null {
  const found = Object.entries(PORT_FLAGS).map(([name, flag]) => [
    name,
    new RegExp(` ${flag} (\\d+)(?: |$)`).exec(commandLine)?.[1],
  ]);
  if (found.some(([, port]) => port === undefined)) return null;
  return Object.fromEntries(found.map(([name, port]) => [name, Number(port)])) as unknown as ServerPorts;
}
