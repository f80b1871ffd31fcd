/** How skills name what they write and read outside the store, so that labels can follow it. */

/** One file of the workspace, however its path is spelt. */
export function fileRef(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return `file:${parts.join('/')}`;
}

export function eventRef(event: { readonly id: string }): string {
  return `event:${event.id}`;
}
