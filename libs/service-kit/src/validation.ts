import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { placesOf, problemOf } from '@quell/contracts/problem';
import { ProblemError } from './problem-error.ts';
import { summaryOf } from './problem-of-error.ts';

/**
 * Checks every `@Body({schema})`, `@Query({schema})` and `@Param('id', {schema})` of a controller by its schema and
 * hands the parsed value on. Nest's own StandardSchemaValidationPipe does not tell its exception factory which
 * parameter failed, and a JSON Pointer needs that.
 */
@Injectable()
export class SchemaValidationPipe implements PipeTransform {
  async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const { schema, type, data } = metadata;
    if (schema === undefined || type === 'custom') return value;
    const result = await schema['~standard'].validate(value);
    if (result.issues === undefined) return result.value;
    const base: PropertyKey[] = data === undefined ? [] : [data];
    const where = type === 'body' ? '' : `${type === 'query' ? 'query' : 'path'} parameter: `;
    const issues = result.issues.map((issue) => ({
      // Those of zod say which keys there should not be.
      ...(issue as { code?: string; keys?: string[]; message: string }),
      path: [...base, ...(issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part))],
    }));
    const errors = placesOf(issues).map(({ pointer, detail }) => ({ pointer, detail: `${where}${detail}` }));
    throw new ProblemError(problemOf('invalid-request', summaryOf(errors), { errors }));
  }
}
