import { topics } from '@quell/contracts/topics';
import type { VpnDecisionMessage } from '@quell/contracts/vpn-decision';
import { Follower, type FollowOptions, type Step } from '@quell/event-store/follow';
import type { Broker, OutgoingMessage } from '@quell/messaging/broker';
import { cloudEventHeaders } from '@quell/messaging/cloudevents';
import type pg from 'pg';
import { SCHEMA } from '../database/schema.ts';
import { unpublishedDecisions } from './read-decisions.ts';

const BATCH = 500;

/**
 * Publishes on `vpn-decisions.v1` what the log holds and was not published, at least once: what was published just before a crash is published
 * again under the same id. One replica is active. No transaction is open while it publishes, for that would hold the event feed.
 */
export function decisionPublisher(
  broker: Pick<Broker, 'publish'>,
  options: Omit<FollowOptions, 'schema' | 'processor'>,
): Follower {
  return new Follower({ ...options, schema: SCHEMA, processor: 'vpn_decisions_v1' }, publishStep(broker));
}

export function publishStep(broker: Pick<Broker, 'publish'>): Step {
  return async (client: pg.Client) => {
    const decisions = await unpublishedDecisions(client, BATCH);
    if (decisions.length === 0) return false;
    await broker.publish(topics.vpnDecisions, decisions.map(messageOf));
    await client.query('UPDATE vpn_policy.decision SET published = true WHERE id = ANY ($1::uuid[])', [
      decisions.map(({ id }) => id),
    ]);
    return true;
  };
}

function messageOf(decision: VpnDecisionMessage): OutgoingMessage {
  return {
    key: decision.deviceId ?? decision.id,
    value: JSON.stringify(decision),
    headers: cloudEventHeaders({
      id: decision.id,
      source: '/quell/vpn-policy',
      type: 'quell.vpn-decision.v1',
      subject: decision.deviceId ?? decision.id,
      time: new Date(decision.decidedAt),
    }),
  };
}
