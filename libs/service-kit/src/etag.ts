import { refusal } from './problem-error.ts';

/** The `ETag` of what has versions. */
export function etagOf({ version }: { readonly version: number }): string {
  return `"${version}"`;
}

/** Whether `If-None-Match` names this version. Compared weakly (RFC 9110, 13.1.2): a proxy may have marked ours so. */
export function namesVersion(header: string, version: number): boolean {
  return header.trim() === '*' || tagsOf(header).some((tag) => tag.replace(/^W\//, '') === `"${version}"`);
}

/**
 * The versions that `If-Match` allows, compared strongly (RFC 9110, 13.1.1): a weak tag, or one that is not ours, allows nothing.
 *
 * @throws ProblemError 400 for what is no tag, such as a version without its quotation marks
 * @returns undefined for no header, and for `*`, which only asks that there is such a thing: without one the call fails anyway.
 */
export function versionsOf(header: string | undefined): number[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  return tagsOf(header).flatMap((tag) => {
    if (!ENTITY_TAG.test(tag)) throw refusal('invalid-request', noTag(tag));
    const version = /^"([1-9]\d{0,9})"$/.exec(tag)?.[1];
    return version === undefined ? [] : [Number(version)];
  });
}

/** RFC 9110, 8.8.3. */
const ENTITY_TAG = /^(W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

function noTag(tag: string): string {
  const number = /^"?([1-9]\d{0,9})"?$/.exec(tag)?.[1] ?? '1';
  return `If-Match: an ETag stands in quotation marks, as the answer to a read has it: "${number}". Several are separated by commas.`;
}

function tagsOf(header: string): string[] {
  return header.split(',').map((tag) => tag.trim());
}
