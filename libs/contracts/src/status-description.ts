import { secondsText, threatsText, valueText } from './fact-text.ts';
import { statusEntry } from './status-catalogue.ts';
import type { TaskStatus } from './task-status.ts';
import { assertNever } from './vocabulary.ts';

/** What the status means, and what this task's facts add to it (`TaskDto.description`). */
export function statusDescription(facts: TaskStatus): string {
  const { description } = statusEntry(facts.code);
  const added = addedFacts(facts);
  return added === undefined ? description : `${description} ${added}`;
}

function addedFacts(facts: TaskStatus): string | undefined {
  switch (facts.code) {
    case 'mitigation-in-progress':
      return phases[facts.phase];
    case 'security-software-took-action':
      return `The product: ${facts.by === undefined ? 'not named' : valueText(facts.by)}. Its action: ${
        facts.action === undefined ? 'not named' : valueText(facts.action)
      }.`;
    case 'no-threat-found':
      return facts.bypassedFiles === undefined || facts.bypassedFiles === 0
        ? undefined
        : `Files bypassed because their scan query could not be sent: ${facts.bypassedFiles}.`;
    case 'mitigation-exception':
      return `The entry: ${facts.exception.kind} ${valueText(facts.exception.value)}.`;
    case 'mitigation-timeout':
      return `The limit was ${secondsText(facts.limitSeconds)}.`;
    case 'incomplete-task':
      return `The reason: ${facts.reason}.`;
    case 'selected-threats-resolved':
    case 'no-action-on-threats':
      return facts.reason === 'no-answer' ? 'Nobody answered the prompt in time.' : undefined;
    case 'not-all-threats-resolved':
    case 'not-all-selected-threats-resolved':
      return threatsText('Not resolved', facts.failed);
    case 'all-threats-resolved':
    case 'threat-no-longer-exists':
    case 'potential-threat-resolved':
    case 'rollback-successful':
    case 'manual-cleanup-needed':
    case 'cannot-connect-to-endpoint':
    case 'platform-not-supported':
    case 'agent-component-restart-required':
    case 'agent-component-error':
    case 'corrupted-configuration':
    case 'pattern-not-found':
    case 'cannot-send-scan-query':
    case 'rollback-unsuccessful':
      return undefined;
    default:
      return assertNever(facts);
  }
}

const phases = {
  queued: 'Now: waiting to be handed to the agent.',
  dispatched: 'Now: handed to the agent, which has not taken it on yet.',
  accepted: 'Now: the agent is working on it.',
} as const;
