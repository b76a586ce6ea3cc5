/** Names, keys and shapes of the Kafka topics. Other people's tools rely on these names. */
export const topics = {
  detections: 'detections.v1',
  tasks: 'tasks.v1',
  devices: 'devices.v1',
  agents: 'agents.v1',
  mitigationExceptions: 'mitigation-exceptions.v1',
  vpnDecisions: 'vpn-decisions.v1',
  deadLetters: 'dead-letters.v1',
} as const;
export type Topic = (typeof topics)[keyof typeof topics];

export const compactedTopics: readonly Topic[] = [topics.devices, topics.agents, topics.mitigationExceptions];

/**
 * How long a compacted topic keeps the note that a key is gone: a consumer that was away for so long still learns of it. Kafka's own 24 h
 * are a weekend too few.
 */
const TOMBSTONE_MS = 30 * 24 * 3600 * 1000;

/** What every topic is configured with, by the names of Kafka's settings. */
export function topicConfig(name: Topic): Record<string, string> {
  return compactedTopics.includes(name)
    ? { 'cleanup.policy': 'compact', 'delete.retention.ms': String(TOMBSTONE_MS) }
    : {};
}

/** What a topic is created with. Eight partitions: as many consumers of one group can share it; changing it later moves keys. */
export function topicSpec(name: Topic): { name: Topic; partitions: number; config: Record<string, string> } {
  return { name, partitions: 8, config: topicConfig(name) };
}
