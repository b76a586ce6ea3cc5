import { z } from 'zod';
import { taskAfter } from './task.ts';
import { type TaskEventType, taskEventData } from './task-events.ts';

/** What a record says when it would have been too large whole: the record is there in its place and order all the same. */
const leftOut = {
  omitted: z
    .array(z.string())
    .optional()
    .describe(
      'JSON Pointers of lists that stand empty in this record because it would have been too large; absent when nothing is left out.',
    ),
  href: z
    .string()
    .optional()
    .describe(
      'Set with `omitted`: where the event stands whole, as the item whose `version` is that of `after`. Relative to the base URL.',
    ),
};

/** The value of a record on `tasks.v1`: the event's data, and the task after it. Type, id and time travel as CloudEvents headers. */
export const taskRecordOf = <T extends TaskEventType>(type: T) =>
  z.object({ data: taskEventData[type], after: taskAfter, ...leftOut });
