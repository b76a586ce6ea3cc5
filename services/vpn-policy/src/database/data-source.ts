import { EventStore0000000000001 } from './migrations/0001-event-store.ts';
import { Policies0000000000003 } from './migrations/0003-policies.ts';
import { Devices0000000000004 } from './migrations/0004-devices.ts';
import { Decisions0000000000005 } from './migrations/0005-decisions.ts';
import { WhatIf0000000000006 } from './migrations/0006-what-if.ts';
import { Posture0000000000020 } from './migrations/0020-posture.ts';
import { AgentsOfDevices0000000000021 } from './migrations/0021-agents-of-devices.ts';
import { DecisionsByPosture0000000000022 } from './migrations/0022-decisions-by-posture.ts';
import { WhatIfRequests0000000000023 } from './migrations/0023-what-if-requests.ts';

/** In order; a published migration is never edited. Read models go through `pg` and plain SQL. */
export const migrations = [
  EventStore0000000000001,
  Policies0000000000003,
  Devices0000000000004,
  Decisions0000000000005,
  WhatIf0000000000006,
  Posture0000000000020,
  AgentsOfDevices0000000000021,
  DecisionsByPosture0000000000022,
  WhatIfRequests0000000000023,
];
