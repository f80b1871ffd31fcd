const LONGEST = 150;

/** The header that makes a browser save content and never show it: what is in it is not ours. */
export function disposition(name: string): string {
  const safe = safeName(name);
  const encoded = encodeURIComponent(safe).replace(
    /['()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${safe.replace(/[^\w. -]/g, '_')}"; filename*=UTF-8''${encoded}`;
}

/** Nothing that climbs, hides, ends the name early or turns its direction around. */
function safeName(name: string): string {
  const plain = name
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\:*?"<>|]/gu, '_')
    .trim()
    .replace(/^\.+/, '_');
  return plain.length <= LONGEST ? plain || 'file' : [...plain].slice(-LONGEST).join('');
}
