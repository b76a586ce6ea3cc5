import type { DeviceCapability } from '@quell/contracts/device';
import type { DeviceQuery } from '@quell/contracts/device-query';
import type { DeviceSearchQuery } from '@quell/contracts/device-search';
import { jsonPointer, problemOf } from '@quell/contracts/problem';
import { ProblemError } from '@quell/service-kit/problem-error';
import { summaryOf } from '@quell/service-kit/problem-of-error';
import type { z } from 'zod';

/**
 * The parameters of a request by their schema.
 *
 * @throws ProblemError 400 that names each parameter which is unknown or wrong
 */
export function readParameters<Schema extends z.ZodType>(schema: Schema, parameters: unknown): z.infer<Schema> {
  const result = schema.safeParse(parameters);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [{ pointer: jsonPointer(issue.path), detail: issue.message }];
    return issue.keys.map((key) => ({ pointer: jsonPointer([key]), detail: 'there is no such parameter' }));
  });
  throw new ProblemError(problemOf('invalid-request', summaryOf(errors), { errors }));
}

type QueryParameters = Pick<DeviceSearchQuery, 'q' | 'feature' | 'match' | 'group' | 'platform' | 'model' | 'tag'>;

/** The query in its one form: each value once and in one order, so that the same question looks the same. */
export function deviceQueryOf({ q, feature, match, group, platform, model, tag }: QueryParameters): DeviceQuery {
  return {
    q,
    feature: distinct<DeviceCapability>(feature),
    match,
    group: distinct(group),
    platform: distinct(platform),
    model: distinct(model),
    tag: distinct(tag),
  };
}

function distinct<T extends string>(values: readonly T[] | undefined): T[] {
  return values === undefined || values.length === 0 ? [] : [...new Set(values)].sort();
}
