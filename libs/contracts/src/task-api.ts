import { z } from 'zod';
import { booleanParameter, pageOf, pageParameters, repeatable } from './paging.ts';
import { historyItem, statusCode, taskDto } from './task.ts';
import { severity, taskKind, text, timestamp } from './vocabulary.ts';

/** Filters of `GET /v1/tasks`; several filters must all hold, several values of one filter are alternatives. */
export const taskListQuery = z.strictObject({
  status: repeatable(statusCode),
  kind: repeatable(taskKind),
  endpoint: text(253).optional().describe('An endpointId, agentId, deviceId or host name.'),
  actionRequired: booleanParameter.optional(),
  severity: repeatable(z.coerce.number().pipe(severity)),
  since: timestamp.optional().describe('Only tasks updated at or after this time.'),
  ...pageParameters,
});
export type TaskListQuery = z.infer<typeof taskListQuery>;

export const taskPage = pageOf(taskDto);

export const taskQuery = z.strictObject({
  asOf: timestamp.optional().describe('The task as its events up to this time tell it.'),
});

export const historyPage = pageOf(historyItem);
export const historyQuery = z.strictObject(pageParameters);

/** Body of `POST /v1/tasks/{id}/acknowledge`. */
export const acknowledgeRequest = z.strictObject({ note: text(1024).optional() });
