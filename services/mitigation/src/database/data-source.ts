import { AgentEntity } from '../agents/agent.entity.ts';
import { DetectionEntity } from '../detections/detection.entity.ts';
import { EndpointEntity } from '../endpoints/endpoint.entity.ts';
import { TaskViewEntity } from '../views/task-view.entity.ts';
import { EventStore0000000000001 } from './migrations/0001-event-store.ts';
import { Endpoints0000000000002 } from './migrations/0002-endpoints.ts';
import { Tasks0000000000003 } from './migrations/0003-tasks.ts';
import { TaskView0000000000004 } from './migrations/0004-task-view.ts';
import { Exceptions0000000000005 } from './migrations/0005-exceptions.ts';
import { AgentPublication0000000000010 } from './migrations/0010-agent-publication.ts';
import { KnownDevices0000000000011 } from './migrations/0011-known-devices.ts';
import { Campaigns0000000000012 } from './migrations/0012-campaigns.ts';
import { FormerDevice0000000000013 } from './migrations/0013-former-device.ts';

/** Read models that TypeORM knows. Events and the rows beside them go through `pg` and plain SQL. */
export const entities = [AgentEntity, DetectionEntity, EndpointEntity, TaskViewEntity];

/** In order; a published migration is never edited. */
export const migrations = [
  EventStore0000000000001,
  Endpoints0000000000002,
  Tasks0000000000003,
  TaskView0000000000004,
  Exceptions0000000000005,
  AgentPublication0000000000010,
  KnownDevices0000000000011,
  Campaigns0000000000012,
  FormerDevice0000000000013,
];
