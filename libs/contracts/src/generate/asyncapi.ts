import { z } from 'zod';
import { agentRecord } from '../agent-record.ts';
import { normalisedDetection } from '../detection.ts';
import { deviceRecord } from '../device-record.ts';
import { mitigationExceptionRecord } from '../mitigation-exception.ts';
import { cloudEventHeaders, deadLetterHeaders } from '../record-headers.ts';
import { taskAfter } from '../task.ts';
import { type TaskEventType, taskEventData } from '../task-events.ts';
import { taskRecordOf } from '../task-record.ts';
import { type Topic, topicConfig, topics } from '../topics.ts';
import { vpnDecisionMessage } from '../vpn-decision.ts';
import { type JsonSchema, namedSchemas } from './json-schema.ts';

/** `type`: what the header `ce_type` says. */
type Message = { name: string; summary: string; headers: string; type?: string; payload?: z.ZodType };

type Channel = {
  id: string;
  topic: Topic;
  key: string;
  description: string;
  messages: readonly Message[];
  sender: string;
  receivers: readonly string[];
};

const taskEventTypes = Object.keys(taskEventData) as TaskEventType[];

const channels: readonly Channel[] = [
  {
    id: 'detections',
    topic: topics.detections,
    key: 'What the source knows of the endpoint, else the source: the detections of one endpoint keep their order.',
    description: 'One normalised detection per record.',
    messages: [
      {
        name: 'DetectionReceived',
        summary: 'A detection, checked and with its identities.',
        headers: 'CloudEventHeaders',
        type: 'quell.detection.v1',
        payload: normalisedDetection,
      },
    ],
    sender: 'ingest',
    receivers: ['mitigation'],
  },
  {
    id: 'tasks',
    topic: topics.tasks,
    key: 'The task id.',
    description:
      'Every event of every task, each with the task `after` it, so that nobody has to fold the statuses again. A record that would have been ' +
      'too large says in `omitted` which of its lists it leaves out, and in `href` where they stand whole.',
    messages: taskEventTypes.map((type) => ({
      name: type,
      summary: `A task event of the type ${type}.`,
      headers: 'CloudEventHeaders',
      type: `quell.task.${type}`,
      payload: taskRecordOf(type),
    })),
    sender: 'mitigation',
    receivers: ['vpn-policy'],
  },
  {
    id: 'agents',
    topic: topics.agents,
    key: 'The agent id.',
    description:
      'The agents as they last were: after each change of their status or their machine, and at most once in five minutes to tell ' +
      'their last contact. Every record has a version of its own; the greatest version of a key holds. A replaced or revoked agent keeps ' +
      'a record with that status; no value: the agent was deleted. `deviceId` is what the agent itself says.',
    messages: [
      {
        name: 'AgentChanged',
        summary: 'An agent and its host.',
        headers: 'CloudEventHeaders',
        type: 'quell.agent.v1',
        payload: agentRecord,
      },
    ],
    sender: 'mitigation',
    receivers: ['device-registry'],
  },
  {
    id: 'mitigationExceptions',
    topic: topics.mitigationExceptions,
    key: 'The exception id.',
    description:
      'The mitigation exceptions as they last were. The greatest version of a key holds; a deleted one stays, with `deletedAt`. Whether one ' +
      'has expired its reader tells by `expiresAt`.',
    messages: [
      {
        name: 'MitigationExceptionChanged',
        summary: 'A mitigation exception.',
        headers: 'CloudEventHeaders',
        type: 'quell.mitigation-exception.v1',
        payload: mitigationExceptionRecord,
      },
    ],
    sender: 'mitigation',
    receivers: ['vpn-policy'],
  },
  {
    id: 'devices',
    topic: topics.devices,
    key: 'The device id.',
    description:
      'The devices as they last were: the whole device after its changes; several changes in a row may be one record. The greatest version of ' +
      'a key holds; no value: the device was retired, with the version in `ce_streamversion`. When it was seen travels on `agents.v1`.',
    messages: [
      {
        name: 'DeviceChanged',
        summary: 'A device that was registered, changed, or came back.',
        headers: 'CloudEventHeaders',
        type: 'quell.device.changed',
        payload: deviceRecord,
      },
      {
        name: 'DeviceGone',
        summary: 'A device that was retired: a record without a value.',
        headers: 'CloudEventHeaders',
        type: 'quell.device.retired',
      },
    ],
    sender: 'device-registry',
    receivers: ['mitigation', 'vpn-policy'],
  },
  {
    id: 'vpnDecisions',
    topic: topics.vpnDecisions,
    key: 'The device id; for a decision without a device its own id.',
    description:
      'Decisions of VPN policies for devices, those that the log keeps, at least once: repeats have the same `ce_id`. The times of a ' +
      'device’s decisions tell their order.',
    messages: [
      {
        name: 'VpnDecisionMade',
        summary: 'What was decided, by which version of which policy.',
        headers: 'CloudEventHeaders',
        type: 'quell.vpn-decision.v1',
        payload: vpnDecisionMessage,
      },
    ],
    sender: 'vpn-policy',
    receivers: [],
  },
  {
    id: 'deadLetters',
    topic: topics.deadLetters,
    key: 'The key of the original.',
    description: 'Messages that could not be handled, as they came, with headers that tell why and where they stood.',
    messages: [
      { name: 'DeadLetter', summary: 'The original message with `dl_` headers.', headers: 'DeadLetterHeaders' },
    ],
    sender: 'mitigation',
    receivers: ['ingest'],
  },
];

/** The AsyncAPI 3.0 document of the Kafka topics. */
export function asyncApiDocument(version: string): JsonSchema {
  const payloads = channels.flatMap(({ messages }) =>
    messages.flatMap(({ name, payload }) => (payload === undefined ? [] : [[name, payload] as const])),
  );
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Quell topics',
      version,
      description:
        'What travels through Kafka: CloudEvents 1.0 in binary mode. Readers ignore members they do not know, and drop ' +
        'repeats of a `ce_id`.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(channels.map((channel) => [channel.id, channelObject(channel)])),
    operations: Object.fromEntries(channels.flatMap(operationsOf)),
    components: {
      messages: Object.fromEntries(channels.flatMap(messagesOf)),
      schemas: namedSchemas(
        {
          TaskAfter: taskAfter,
          CloudEventHeaders: cloudEventHeaders,
          DeadLetterHeaders: deadLetterHeaders,
          ...Object.fromEntries(payloads.map(([name, payload]) => [`${name}Value`, payload])),
        },
        '#/components/schemas/',
        'draft-7',
      ),
    },
  };
}

function topicConfigurationOf(topic: Topic): JsonSchema {
  const { 'cleanup.policy': policy = 'delete', 'delete.retention.ms': tombstones } = topicConfig(topic);
  return {
    'cleanup.policy': [policy],
    ...(tombstones === undefined ? {} : { 'delete.retention.ms': Number(tombstones) }),
  };
}

function channelObject({ id, topic, description, messages }: Channel): JsonSchema {
  return {
    address: topic,
    title: id,
    description,
    messages: Object.fromEntries(messages.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }])),
    bindings: {
      kafka: {
        topic,
        topicConfiguration: topicConfigurationOf(topic),
        bindingVersion: '0.5.0',
      },
    },
  };
}

function operationsOf({ id, sender, receivers }: Channel): [string, JsonSchema][] {
  const channel = { $ref: `#/channels/${id}` };
  return [
    [`${sender}Sends_${id}`, { action: 'send', channel, summary: `${sender} publishes.` }],
    ...receivers.map((receiver): [string, JsonSchema] => [
      `${receiver}Receives_${id}`,
      { action: 'receive', channel, summary: `${receiver} consumes.` },
    ]),
  ];
}

function messagesOf({ messages, key }: Channel): [string, JsonSchema][] {
  return messages.map(({ name, summary, headers, type, payload }) => [
    name,
    {
      name,
      title: name,
      summary,
      ...(type === undefined ? {} : { description: `The header \`ce_type\` is \`${type}\`.` }),
      headers: { $ref: `#/components/schemas/${headers}` },
      ...(payload === undefined ? {} : { payload: { $ref: `#/components/schemas/${name}Value` } }),
      bindings: { kafka: { key: { type: 'string', description: key }, bindingVersion: '0.5.0' } },
    },
  ]);
}
