import { z } from 'zod';

/** What a credential may do. `admin` includes every other scope. */
export const scope = z.enum([
  'detections:write',
  'detections:read',
  'tasks:read',
  'tasks:act',
  'policy:write',
  'devices:read',
  'devices:write',
  'vpn:read',
  'vpn:write',
  'vpn:evaluate',
  'agents:enrol',
  'ops:read',
  'metrics:read',
  'admin',
]);
export type Scope = z.infer<typeof scope>;
