import type { VpnEvaluateAnswer, VpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import type { Broker } from '@quell/messaging/broker';
import type { Log } from '@quell/service-kit/log';
import { Gauge, type Registry } from '@quell/service-kit/metrics';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { withholdSecrets } from '../policy-api/withhold-secrets.ts';
import type { VpnPolicyEnvironment } from '../vpn-policy-environment.ts';
import { DecisionLog } from './decision-log.ts';
import { forgetDecisions } from './forget-decisions.ts';
import { keptStateless, policyIn } from './kept-decision.ts';
import { decisionPublisher } from './publish-decisions.ts';
import { isSampled } from './sample.ts';

const FORGET_EVERY_MS = 10 * 60_000;
const DAY_MS = 86_400_000;

/** The log of decisions with all that runs beside it. */
export interface DecisionKeeping {
  readonly decisions: DecisionLog;
  /** Notes a decision by a policy that the caller sent along, where the settings say so. @returns what its answer has to wait for; never fails */
  keepStateless(request: VpnEvaluateRequest, answer: VpnEvaluateAnswer): Promise<void> | undefined;
  /** Publishes and forgets from now on. @returns how to end that */
  start(): () => Promise<void>;
}

export function decisionKeeping(parts: {
  readonly pool: pg.Pool;
  readonly broker: Broker;
  readonly log: Log;
  readonly connection: pg.ClientConfig;
  readonly metrics: Registry;
  readonly config: VpnPolicyEnvironment;
}): DecisionKeeping {
  const { pool, broker, log, connection, metrics, config } = parts;
  const sample = config.QUELL_VPN_DECISION_SAMPLE;
  const decisions = new DecisionLog(pool, log, {
    sample,
    durable: config.QUELL_VPN_DECISION_LOG === 'durable',
    waiting: config.QUELL_VPN_DECISIONS_WAITING,
    waitingCharacters: config.QUELL_VPN_DECISIONS_WAITING_MB * 2 ** 20,
  });
  measure(metrics, decisions);
  const forget = () =>
    forgetDecisions(pool, new Date(Date.now() - config.QUELL_VPN_DECISION_DAYS * DAY_MS)).catch((err: unknown) => {
      log.warn({ err }, 'old decisions were not deleted');
    });
  return {
    decisions,
    keepStateless(request, answer) {
      if (!config.QUELL_VPN_DECISION_STATELESS) return undefined;
      if (sample < 1 && !isSampled(sample, JSON.stringify(request))) return undefined;
      const taken = withholdSecrets(policyIn(request));
      // A probe's URL that carries a secret is what the decision hangs on: without it nothing could be decided again.
      if ('errors' in taken) {
        decisions.lose('a probe of the policy carries a credential');
        return undefined;
      }
      const decided = { id: uuidv7(), decidedAt: new Date().toISOString() };
      return decisions.add(keptStateless(decided, request, taken.body, answer));
    },
    start() {
      const onError = (err: unknown) => log.warn({ err }, 'decisions could not be published yet');
      const publisher = decisionPublisher(broker, { connection, onError });
      publisher.start();
      const timer = setInterval(forget, FORGET_EVERY_MS);
      timer.unref();
      return async () => {
        clearInterval(timer);
        await publisher.stop();
      };
    },
  };
}

function measure(registry: Registry, decisions: DecisionLog): void {
  new Gauge({
    name: 'vpn_decisions_waiting',
    help: 'Decisions that wait to be written to the log',
    registers: [registry],
    collect() {
      this.set(decisions.figures.waiting);
    },
  });
  new Gauge({
    name: 'vpn_decisions_lost',
    help: 'Decisions that the log could not take since the service started',
    registers: [registry],
    collect() {
      this.set(decisions.figures.lost);
    },
  });
  new Gauge({
    name: 'vpn_decisions_answered_unwritten',
    help: 'Answers since the service started that did not wait for their decision to be written, as the database was away',
    registers: [registry],
    collect() {
      this.set(decisions.figures.early);
    },
  });
}
