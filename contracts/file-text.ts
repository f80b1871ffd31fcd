/** An attached file as a model is told of it. */
interface NamedFile {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly seconds: number | null;
  readonly forwarded: boolean;
}

/** Names the file and its kind, so that the fitting skill can be chosen; what is in it only a skill can tell. */
export function fileText({ id, name, mediaType, seconds, forwarded }: NamedFile): string {
  const length = seconds === null ? '' : `, ${Math.round(seconds)} s`;
  const source = forwarded ? ', forwarded: words of somebody else' : '';
  return `[attached file ${id}: ${JSON.stringify(name)}, ${mediaType}${length}${source}]`;
}
