import { z } from 'zod';
import { agentRecord } from '../agent-record.ts';
import { normalisedDetection } from '../detection.ts';
import { DEVICE_EVENT_VERSION, deviceEventData } from '../device-events.ts';
import { deviceRecord } from '../device-record.ts';
import { mitigationExceptionRecord } from '../mitigation-exception.ts';
import { routes } from '../routes.ts';
import { taskAfter } from '../task.ts';
import { TASK_EVENT_VERSION, taskEventData } from '../task-events.ts';
import { topics } from '../topics.ts';
import { vpnDecisionMessage } from '../vpn-decision.ts';
import { VPN_POLICY_EVENT_VERSION, vpnPolicyEventData } from '../vpn-policy-events.ts';
import { asyncApiDocument } from './asyncapi.ts';
import { inlineSchema, type JsonSchema } from './json-schema.ts';
import { openApiDocument } from './openapi.ts';

/** The version of the published interface; that of the release. */
const VERSION = '0.1.0';

const recordSchemas: Readonly<Record<string, z.ZodType>> = {
  [topics.detections]: normalisedDetection,
  [topics.agents]: agentRecord,
  [topics.devices]: deviceRecord,
  [topics.mitigationExceptions]: mitigationExceptionRecord,
  'tasks.v1.after': taskAfter,
  ...Object.fromEntries(
    Object.entries(vpnPolicyEventData).map(([type, schema]) => [`${type}.v${VPN_POLICY_EVENT_VERSION}`, schema]),
  ),
  [topics.vpnDecisions]: vpnDecisionMessage,
  ...Object.fromEntries(
    Object.entries(taskEventData).map(([type, schema]) => [`${type}.v${TASK_EVENT_VERSION}`, schema]),
  ),
  ...Object.fromEntries(
    Object.entries(deviceEventData).map(([type, schema]) => [`${type}.v${DEVICE_EVENT_VERSION}`, schema]),
  ),
};

/** The JSON Schema of every event and record that is stored or published, by `<name>.v<n>`. */
export function eventSchemas(): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(recordSchemas).map(([name, schema]) => [
      name,
      { $schema: 'https://json-schema.org/draft/2020-12/schema', title: name, ...inlineSchema(schema) },
    ]),
  );
}

/** Every generated document: its path below docs/api and its text. */
export function documents(): Map<string, string> {
  const all: [string, JsonSchema][] = [
    ['openapi.json', openApiDocument(routes, VERSION)],
    ['asyncapi.json', asyncApiDocument(VERSION)],
    ...Object.entries(eventSchemas()).map(([name, schema]): [string, JsonSchema] => [`schemas/${name}.json`, schema]),
  ];
  return new Map(all.map(([path, document]) => [path, `${JSON.stringify(document, null, 2)}\n`]));
}
