import { type VpnEvaluateAnswer, vpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { evaluate } from '../evaluation/evaluate.ts';
import { type Printed, parsed, readJson } from './finish.ts';

/** `quell vpn eval`. */
export function evalCommand(file: string | undefined, options: { dialect?: string; json?: true }): Printed {
  const body = readJson(file);
  const request = options.dialect === undefined ? body : { ...(body as object), dialect: options.dialect };
  const answer = evaluate(parsed(vpnEvaluateRequest, request, 'the request'));
  const unknown = decisionOf(answer) === 'unknown';
  return { text: options.json ? JSON.stringify(answer, null, 2) : summary(answer), exitCode: unknown ? 3 : 0 };
}

function decisionOf(answer: VpnEvaluateAnswer): string {
  return 'action' in answer ? answer.action : answer.decision;
}

function summary(answer: VpnEvaluateAnswer): string {
  const { trace, nearMiss, missing } = answer;
  return [
    `${decisionOf(answer)}  ${answer.reason ?? ''}`.trimEnd(),
    ...trace.map((step) => {
      const criteria = step.criteria.map(
        (one) =>
          `${one.name} ${JSON.stringify(one.wanted)} ${one.verdict}${'found' in one ? `, is ${JSON.stringify(one.found)}` : ''}`,
      );
      return `  ${step.place || '/'}  ${step.verdict}${step.action === undefined ? '' : `  ${step.action}`}${criteria.map((line) => `\n      ${line}`).join('')}`;
    }),
    ...(missing.length === 0 ? [] : [`unknown: ${missing.join(', ')}`]),
    ...(nearMiss === null ? [] : [`nearest: ${nearMiss.text}`]),
  ].join('\n');
}
