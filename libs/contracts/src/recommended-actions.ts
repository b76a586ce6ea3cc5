import { componentText, hostText, itemsText, secondsText, threatsText, valueText } from './fact-text.ts';
import { type StatusEntry, statusCatalogue, type TaskStatusList } from './status-catalogue.ts';
import type { RecommendedAction } from './task.ts';
import type { TaskEndpoint } from './task-endpoint.ts';
import type { StatusCode, TaskStatus } from './task-status.ts';
import type { TaskInitiator, TaskKind } from './vocabulary.ts';

/** What the recommended actions need to know of a task beside the facts of its status. */
export type ActionTask = {
  id: string;
  kind: TaskKind;
  initiator: TaskInitiator;
  endpoint: TaskEndpoint;
  /** Backed-up items not yet restored. */
  restorable: readonly { id: string; path?: string | undefined }[];
  /** Whether the endpoint's agent can run a scan; absent when that is not known. */
  scanCapable?: boolean | undefined;
};

type FactsOf<C extends StatusCode> = Extract<TaskStatus, { code: C }>;

/** One piece of advice. `{taskId}`, `{endpointId}`, `{exceptionId}` in `href` and `command` are filled in for a task. */
type Advice<C extends StatusCode> = {
  text: string;
  href?: string;
  command?: string;
  /** What this task's facts add to the text. */
  detail?(facts: FactsOf<C>, task: ActionTask): string | undefined;
  /** Absent: the advice holds for every task with the status. */
  when?(facts: FactsOf<C>, task: ActionTask): boolean;
};

const retry = {
  text: 'Run the task again: POST to its retry call.',
  href: '/v1/tasks/{taskId}/retry',
} as const;

const sendSamples = 'For threats that you believe are safe to use, send samples to your support provider for analysis.';

const askWhyLeft = {
  text: 'Ask the user of the endpoint why the remaining threats were left: some files may be needed there.',
  href: '/v1/tasks/{taskId}',
  detail: (facts: FactsOf<'selected-threats-resolved' | 'no-action-on-threats'>) =>
    threatsText(facts.reason === 'no-answer' ? 'Left because nobody answered the prompt in time' : 'Left', facts.left),
} as const;

const scanAgain = {
  text: 'Scan the endpoint again: POST an on-demand scan of it.',
  href: '/v1/tasks',
  detail: (_: unknown, task: ActionTask) => scanBody(task),
} as const;

const cleanByHand = {
  text: 'Clean up by hand what the agent cannot: stop whatever holds the file, then delete or restore it on the endpoint.',
} as const;

function scanBody(task: ActionTask): string {
  const body = { kind: 'on-demand-scan', endpoint: { endpointId: task.endpoint.endpointId } };
  return `The body for ${hostText(task.endpoint)}: ${JSON.stringify(body)}`;
}

const advice: { [C in StatusCode]: readonly Advice<C>[] } = {
  'mitigation-in-progress': [],
  'all-threats-resolved': [],
  'security-software-took-action': [],
  'threat-no-longer-exists': [],
  'potential-threat-resolved': [],
  'no-threat-found': [],
  'rollback-successful': [],
  'manual-cleanup-needed': [
    {
      text: 'On Threat Management open Require post-assessment cleanup, select the endpoint and choose Run Cleanup.',
      href: '/v1/threat-management/pending-cleanups',
      detail: (_, task) => `The endpoint: ${hostText(task.endpoint)}.`,
    },
    { text: 'Or run the cleanup of this task at once: POST to its call.', href: '/v1/tasks/{taskId}/run-cleanup' },
  ],
  'mitigation-exception': [
    {
      text: 'Check the threat that was detected on the endpoint.',
      href: '/v1/tasks/{taskId}',
      detail: (facts) =>
        `The exception that matched: ${facts.exception.kind} ${valueText(facts.exception.value)} (id ${valueText(facts.exception.exceptionId)}).`,
    },
    {
      text: 'Consider taking the endpoint off the exception list while the task runs. One call suspends the exception for this endpoint, runs the task, and puts the endpoint back when the run has ended, at the latest after 24 h.',
      href: '/v1/mitigation-exceptions/{exceptionId}/suspend',
      detail: (_, task) => `POST this body: ${JSON.stringify({ taskIds: [task.id] })}`,
    },
    { ...retry, text: 'Or, once the endpoint is off the list, run the task again: POST to its retry call.' },
  ],
  'selected-threats-resolved': [askWhyLeft, { text: sendSamples }],
  'no-action-on-threats': [askWhyLeft, { text: sendSamples }],
  'mitigation-timeout': [
    {
      text: 'Check that the agent is running and that the endpoint is not overloaded.',
      href: '/v1/agents',
      detail: (_, task) => `The endpoint: ${hostText(task.endpoint)}.`,
    },
    retry,
    {
      text: 'If such tasks take long on this endpoint, raise the time limit of a run in the mitigation policy.',
      href: '/v1/mitigation-policy',
      detail: (facts) => `The run limit that passed: ${secondsText(facts.limitSeconds)}.`,
    },
  ],
  'cannot-connect-to-endpoint': [
    {
      text: 'Check that the endpoint is switched on and that the agent on it is running.',
      href: '/v1/agents',
      detail: (facts) =>
        facts.lastContactAt === undefined
          ? 'No contact with an agent of this endpoint is on record.'
          : `Last contact: ${facts.lastContactAt}.`,
    },
    {
      text: 'Check the network and firewalls on the way from the endpoint to this server.',
      detail: (facts) =>
        facts.limitSeconds === undefined ? undefined : `Waited for contact: ${secondsText(facts.limitSeconds)}.`,
    },
    {
      text: 'Check that the address of the endpoint is right.',
      detail: (_, task) => `Known here as ${hostText(task.endpoint)}.`,
    },
    retry,
  ],
  'platform-not-supported': [
    {
      text: 'The endpoint can run an on-demand scan: launch one with a POST.',
      href: '/v1/tasks',
      detail: (_, task) => scanBody(task),
      when: (facts, task) => facts.scanOffered && task.scanCapable !== false,
    },
    {
      text: 'Where no scan is possible, examine and clean the endpoint with the means of its own platform.',
      detail: (_, task) => `The endpoint: ${hostText(task.endpoint)}.`,
      when: (facts, task) => !facts.scanOffered || task.scanCapable === false,
    },
  ],
  'incomplete-task': [
    {
      text: 'Collect the system log bundle (the logs of the server, and those of the agent) together with the history of this task, and send it to your support provider.',
      href: '/v1/tasks/{taskId}/history',
      detail: (facts) =>
        `The reason on record: ${incompleteReasons[facts.reason]}${
          facts.limitSeconds === undefined ? '' : ` (limit ${secondsText(facts.limitSeconds)})`
        }.`,
    },
    retry,
  ],
  'not-all-threats-resolved': [
    {
      text: 'See which threats are left and why.',
      href: '/v1/tasks/{taskId}',
      detail: (facts) => threatsText('Not resolved', facts.failed),
    },
    scanAgain,
    cleanByHand,
    retry,
    { text: sendSamples },
  ],
  'not-all-selected-threats-resolved': [
    {
      text: 'See which of the chosen threats could not be resolved, and why.',
      href: '/v1/tasks/{taskId}',
      detail: (facts) => threatsText('Not resolved', facts.failed),
    },
    {
      text: 'Ask the user of the endpoint why the others were left.',
      detail: (facts) => threatsText('Left', facts.left),
    },
    scanAgain,
    cleanByHand,
    retry,
    { text: sendSamples },
  ],
  'agent-component-restart-required': [
    {
      text: 'Restart the endpoint.',
      detail: (facts, task) => `The endpoint: ${hostText(task.endpoint)}. ${componentText(facts.component)}`,
    },
    { ...retry, text: 'Then run the task again: POST to its retry call.' },
  ],
  'agent-component-error': [
    {
      text: 'Repair or reinstall the agent on the endpoint.',
      detail: (facts, task) =>
        `The endpoint: ${hostText(task.endpoint)}. ${
          facts.rejected === undefined
            ? componentText(facts.component)
            : `The result that the agent sent does not fit the contract at ${facts.rejected.pointer === '' ? 'its top' : valueText(facts.rejected.pointer)}: ${valueText(facts.rejected.detail)}.`
        }`,
    },
    { ...retry, text: 'Then run the task again: POST to its retry call.' },
  ],
  'corrupted-configuration': [
    {
      text: 'Deploy the configuration to the agent again.',
      href: '/v1/agent-configuration',
      detail: (facts, task) =>
        `The damaged file on ${hostText(task.endpoint)}: ${
          facts.configurationFile === undefined ? 'not named by the agent' : valueText(facts.configurationFile)
        }.`,
    },
    { ...retry, text: 'Then run the task again: POST to its retry call.' },
  ],
  'pattern-not-found': [
    {
      text: 'Look whether the pattern is among the custom patterns on this server.',
      href: '/v1/patterns',
      detail: (facts) =>
        `The missing pattern: ${facts.patternId === undefined ? 'not named by the agent' : valueText(facts.patternId)}.`,
    },
    { text: 'If it is not, deploy it: POST it to the custom patterns.', href: '/v1/patterns' },
    { ...retry, text: 'Then run the task again: POST to its retry call.' },
  ],
  'cannot-send-scan-query': [
    {
      text: 'Check the settings of the scan query service.',
      href: '/v1/agent-configuration',
    },
    {
      text: 'Check that the endpoint can connect to the scan query service.',
      detail: (_, task) => `The endpoint: ${hostText(task.endpoint)}.`,
    },
    { ...retry, text: 'Then run the task again: POST to its retry call.' },
  ],
  'rollback-unsuccessful': [
    {
      text: 'See what was not restored and why.',
      href: '/v1/tasks/{taskId}',
      detail: (facts, task) => itemsText('Not restored', facts.items, task.restorable),
    },
    {
      text: 'To complete the rollback, put the missing backups back in place and restore on the endpoint itself with this command.',
      command: 'npm run agent -- restore --task {taskId}',
    },
    {
      text: 'Or let the server start another rollback of what is left: POST to its call.',
      href: '/v1/tasks/{taskId}/rollback',
      when: (_, task) => task.restorable.length > 0,
    },
  ],
};

const incompleteReasons: Record<FactsOf<'incomplete-task'>['reason'], string> = {
  'lost-over-restart': 'the task was lost over a restart (lost-over-restart)',
  'lost-deliveries': 'three deliveries to the agent were lost (lost-deliveries)',
  'agent-crashed': 'the agent crashed twice while working on it (agent-crashed)',
  'silent-scan': 'the scan fell silent and did not end (silent-scan)',
  'total-wait-over': 'the agent never took it on within the total waiting time (total-wait-over)',
  cancelled: 'it was cancelled (cancelled)',
  'agent-replaced': 'another agent took the place of the one that had it (agent-replaced)',
};

function filled(template: string, variables: Record<string, string>): string {
  return Object.entries(variables).reduce(
    (text, [name, value]) => text.replaceAll(`{${name}}`, encodeURIComponent(value)),
    template,
  );
}

/**
 * What to do about a task with this status, with the task's own facts filled in. Empty for the 7 statuses that ask for
 * nothing. Source: statuses.md, "recommended actions must say".
 */
export function recommendedActions(facts: TaskStatus, task: ActionTask): RecommendedAction[] {
  const variables = {
    taskId: task.id,
    ...(facts.code === 'mitigation-exception' ? { exceptionId: facts.exception.exceptionId } : {}),
  };
  // The table pairs each code with advice on that code's facts; the index loses the pairing.
  const entries = advice[facts.code] as readonly Advice<StatusCode>[];
  return entries
    .filter((entry) => entry.when?.(facts, task) ?? true)
    .map((entry) => {
      const detail = entry.detail?.(facts, task);
      return {
        text: detail === undefined ? entry.text : `${entry.text} ${detail}`,
        ...(entry.href === undefined ? {} : { href: filled(entry.href, variables) }),
        ...(entry.command === undefined ? {} : { command: filled(entry.command, variables) }),
      };
    });
}

/** The answer of `GET /v1/task-statuses`: the catalogue with its advice as templates, no task filled in. */
export function taskStatusCatalogue(): TaskStatusList {
  return { items: statusCatalogue.map((entry) => ({ ...withKinds(entry), recommendedActions: generalAdvice(entry) })) };
}

function withKinds(entry: StatusEntry) {
  return { ...entry, kinds: entry.kinds.map((reach) => ({ ...reach })) };
}

function generalAdvice({ code }: StatusEntry): RecommendedAction[] {
  return advice[code].map(({ text, href, command }) => ({
    text,
    ...(href === undefined ? {} : { href }),
    ...(command === undefined ? {} : { command }),
  }));
}
