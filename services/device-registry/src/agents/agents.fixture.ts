import { randomBytes, randomUUID } from 'node:crypto';
import type { AgentRecord } from '@quell/contracts/agent-record';

/** A record of an active agent that enrolled now, with ids of its own. */
export function agentRecordOf(more: Partial<AgentRecord> = {}): AgentRecord {
  return {
    agentId: randomBytes(32).toString('base64url'),
    endpointId: randomUUID(),
    status: 'active',
    ips: [],
    macs: [],
    platform: 'linux',
    enrolledAt: new Date().toISOString(),
    lastSeenAt: new Date().toISOString(),
    version: 1,
    ...more,
  };
}

let adapters = 0;

/** A MAC that nobody had. */
export function newMac(): string {
  const hex = (++adapters).toString(16).padStart(6, '0');
  return `00:00:5e:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`;
}
