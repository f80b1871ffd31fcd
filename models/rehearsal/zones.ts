const REGIONS = ['Africa', 'America', 'Asia', 'Atlantic', 'Australia', 'Europe', 'Indian', 'Pacific'];

function plain(name: string): string {
  return name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[_\s-]+/g, ' ')
    .trim()
    .toLowerCase();
}

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The IANA zone whose last part is this city; undefined when the platform knows none. */
export function zoneOfCity(city: string): string | undefined {
  const wanted = plain(city);
  if (wanted === '') return undefined;
  if (/^(?:utc|gmt)$/.test(wanted)) return 'UTC';
  const exact = Intl.supportedValuesOf('timeZone').find((zone) => plain(zone.split('/').at(-1) ?? '') === wanted);
  if (exact !== undefined) return exact;
  // Newer spellings such as Asia/Kolkata are understood but not always listed.
  const written = wanted.replace(/(?<!\p{L})\p{L}/gu, (letter) => letter.toUpperCase()).replaceAll(' ', '_');
  return REGIONS.map((region) => `${region}/${written}`).find(isZone);
}
