/** The `ETag` of what has versions. */
export function etagOf({ version }: { readonly version: number }): string {
  return `"${version}"`;
}

/** Whether `If-None-Match` names this version. Compared weakly (RFC 9110, 13.1.2): a proxy may have marked ours so. */
export function namesVersion(header: string, version: number): boolean {
  return header.trim() === '*' || tagsOf(header).some((tag) => tag.replace(/^W\//, '') === `"${version}"`);
}

/**
 * The versions that `If-Match` allows, compared strongly (RFC 9110, 13.1.1): a tag that is not one of ours allows nothing.
 *
 * @returns undefined for no header, and for `*`, which only asks that there is such a thing: without one the call fails anyway.
 */
export function versionsOf(header: string | undefined): number[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  return tagsOf(header).flatMap((tag) => {
    const version = /^"([1-9]\d{0,9})"$/.exec(tag)?.[1];
    return version === undefined ? [] : [Number(version)];
  });
}

function tagsOf(header: string): string[] {
  return header.split(',').map((tag) => tag.trim());
}
