/** Hosts of the configuration, as `host` or `host:port` in lower case. */
export interface AllowedHosts {
  /** The host, with its port where that is not 443, is on the list. */
  allows(url: URL): boolean;
  /** Stands there with its port: whoever wrote that means this very address, also one of the own network and without TLS. */
  names(url: URL): boolean;
}

const PORTS: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' };

/** The host of an address with its port, as the list names it; undefined for what is no address. */
export function namedHost(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port === '' ? (PORTS[protocol] ?? '') : port}`;
}

export function allowedHosts(list: readonly string[]): AllowedHosts {
  const hosts = new Set(list.map((entry) => entry.toLowerCase()));
  const names = (url: URL): boolean => hosts.has(namedHost(url.href) ?? '');
  return {
    names,
    allows: (url) => names(url) || (url.protocol === 'https:' && url.port === '' && hosts.has(url.hostname)),
  };
}
