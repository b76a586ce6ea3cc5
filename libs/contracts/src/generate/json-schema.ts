import { z } from 'zod';

export type JsonSchema = { [keyword: string]: unknown };

/**
 * Schemas describe what may be sent (`io: 'input'`): members with a default may be left out, and values that we fold
 * (upper-case digests) are shown as they may arrive.
 */
const io = 'input';

/** A schema on its own, as draft 2020-12 without the `$schema` line. */
export function inlineSchema(schema: z.ZodType): JsonSchema {
  return withoutNoise(z.toJSONSchema(schema, { io, target: 'draft-2020-12' }));
}

/** The schema of a parameter as the server understands it: a repeatable one is a list. */
export function parameterSchema(schema: z.ZodType): JsonSchema {
  return withoutNoise(z.toJSONSchema(schema, { io: 'output', target: 'draft-2020-12', unrepresentable: 'any' }));
}

/** Named schemas that refer to each other under `prefix`. */
export function namedSchemas(
  named: Readonly<Record<string, z.ZodType>>,
  prefix: string,
  target: 'draft-2020-12' | 'draft-7',
): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io, target, uri: (id) => `${prefix}${id}` });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutNoise(schema)]));
}

function withoutNoise({ $schema, $id, '~standard': standard, ...schema }: JsonSchema): JsonSchema {
  return withoutRepetition(schema) as JsonSchema;
}

/**
 * zod bounds every integer by what JavaScript can hold, which is no rule of ours, and spells out the pattern behind a
 * format, which makes documents three times as long.
 */
function withoutRepetition(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRepetition);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== Number.MAX_SAFE_INTEGER && member !== Number.MIN_SAFE_INTEGER)
      .filter(([name, member]) => !(name === 'pattern' && typeof member === 'string' && 'format' in value))
      .map(([name, member]) => [name, withoutRepetition(member)]),
  );
}
