import { isDeepStrictEqual } from 'node:util';
import type { JsonSchema } from './json-schema.ts';

/** Keywords that explain and do not constrain. */
const annotations = new Set(['$schema', 'title', 'description', 'examples', 'default']);
const lowerBounds = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'];
const upperBounds = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'];
const judged = new Set([
  ...annotations,
  ...lowerBounds,
  ...upperBounds,
  'properties',
  'required',
  'additionalProperties',
  'items',
  'enum',
  'anyOf',
  'oneOf',
  'pattern',
  'format',
]);

/**
 * Why `current` may not replace the published `before`: one line per reason, by JSON Pointer; empty when it may.
 * Stored events must stay readable, so nothing that was valid may become invalid. Readers of the topics must stay right, so
 * what they could count on (a member, its type) must stay. Allowed: new optional members, new values of an enumeration, new
 * alternatives, wider bounds. Readers therefore have to ignore members, and tolerate values, that they do not know.
 * A keyword that this comparison does not understand may not change at all.
 */
export function incompatibilities(before: JsonSchema, current: JsonSchema, pointer = ''): string[] {
  return [
    ...members(before, current, pointer),
    ...values(before, current, pointer),
    ...bounds(before, current, pointer),
    ...alternatives(before, current, pointer),
    ...nested('items', before, current, pointer),
    ...nested('additionalProperties', before, current, pointer),
    ...others(before, current, pointer),
  ];
}

function members(before: JsonSchema, current: JsonSchema, pointer: string): string[] {
  const [old, now] = [before, current].map((schema) => (schema.properties ?? {}) as Record<string, JsonSchema>) as [
    Record<string, JsonSchema>,
    Record<string, JsonSchema>,
  ];
  const [oldRequired, nowRequired] = [before, current].map(
    (schema) => new Set((schema.required ?? []) as string[]),
  ) as [Set<string>, Set<string>];
  const kept = Object.keys(old).flatMap((name) => {
    const at = `${pointer}/properties/${name}`;
    const [was, is] = [old[name], now[name]];
    if (was === undefined || is === undefined) return [`${at} was removed`];
    return incompatibilities(was, is, at);
  });
  return [
    ...kept,
    ...[...oldRequired]
      .filter((name) => !nowRequired.has(name))
      .map((name) => `${pointer}/properties/${name} is no longer certain`),
    ...[...nowRequired]
      .filter((name) => !oldRequired.has(name))
      .map((name) => `${pointer}/properties/${name} became required`),
  ];
}

function values(before: JsonSchema, current: JsonSchema, pointer: string): string[] {
  if (before.enum === undefined) return current.enum === undefined ? [] : [`${pointer} became an enumeration`];
  if (current.enum === undefined) return [`${pointer} is no longer an enumeration`];
  const now = current.enum as unknown[];
  return (before.enum as unknown[])
    .filter((value) => !now.includes(value))
    .map((value) => `${pointer} lost the value ${value}`);
}

function bounds(before: JsonSchema, current: JsonSchema, pointer: string): string[] {
  const narrower = (keyword: string, isNarrower: (was: number, is: number) => boolean) => {
    const [was, is] = [before[keyword], current[keyword]] as [number | undefined, number | undefined];
    return is !== undefined && (was === undefined || isNarrower(was, is))
      ? [`${pointer}/${keyword} became narrower`]
      : [];
  };
  return [
    ...lowerBounds.flatMap((keyword) => narrower(keyword, (was, is) => is > was)),
    ...upperBounds.flatMap((keyword) => narrower(keyword, (was, is) => is < was)),
    ...['pattern', 'format'].flatMap((keyword) =>
      current[keyword] !== undefined && current[keyword] !== before[keyword] ? [`${pointer}/${keyword} changed`] : [],
    ),
  ];
}

function alternatives(before: JsonSchema, current: JsonSchema, pointer: string): string[] {
  const [old, now] = [before, current].map((schema) => (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined);
  if (old === undefined || now === undefined) return old === now ? [] : [`${pointer} changed its alternatives`];
  return old.flatMap((was, index) =>
    now.some((is) => incompatibilities(was, is).length === 0)
      ? []
      : [`${pointer}/${index} has no alternative that takes its values`],
  );
}

function nested(
  keyword: 'items' | 'additionalProperties',
  before: JsonSchema,
  current: JsonSchema,
  pointer: string,
): string[] {
  const [was, is] = [before[keyword], current[keyword]];
  if (was === undefined && keyword === 'additionalProperties')
    return is === undefined ? [] : [`${pointer} takes fewer members`];
  if (isSchema(was) && isSchema(is)) return incompatibilities(was, is, `${pointer}/${keyword}`);
  if (was === false && is === undefined) return [];
  return isDeepStrictEqual(was, is) ? [] : [`${pointer}/${keyword} changed`];
}

function others(before: JsonSchema, current: JsonSchema, pointer: string): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(current)])]
    .filter((keyword) => !judged.has(keyword) && !isDeepStrictEqual(before[keyword], current[keyword]))
    .map((keyword) => `${pointer}/${keyword} changed`);
}

function isSchema(value: unknown): value is JsonSchema {
  return value !== null && typeof value === 'object';
}
