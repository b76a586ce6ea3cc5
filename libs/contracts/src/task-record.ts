import { z } from 'zod';
import { taskAfter } from './task.ts';
import { type TaskEventType, taskEventData } from './task-events.ts';

/** The value of a record on `tasks.v1`: the event's data, and the task after it. Type, id and time travel as CloudEvents headers. */
export const taskRecordOf = <T extends TaskEventType>(type: T) =>
  z.object({ data: taskEventData[type], after: taskAfter });
