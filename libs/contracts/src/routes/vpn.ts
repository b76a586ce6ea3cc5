import { vpnAnyLintAnswer } from '../vpn-any-lint.ts';
import { vpnAnyDiffAnswer } from '../vpn-diff.ts';
import { vpnEvaluateAnswer, vpnEvaluateQuery, vpnEvaluateRequest } from '../vpn-evaluate.ts';
import { vpnDiffRequest, vpnLintRequest } from '../vpn-policy-body.ts';
import type { Route } from './route.ts';

export const vpnTag = 'VPN';

export const examplePayload = {
  OnDemandEnabled: 1,
  OnDemandRules: [{ Action: 'Disconnect', SSIDMatch: ['Office'] }, { Action: 'Connect' }],
};
const context = { vpn: 'disconnected', network: { interface: 'WiFi', ssid: 'Cafe', primaryIsVirtual: false } };

/** The answer for the example, as `evaluate` gives it without its trace. */
export const exampleDecision = {
  decision: 'connect',
  ruleIndex: 1,
  paramIndex: null,
  reason: 'RULE_MATCHED_CATCHALL',
  nextVpn: 'connected',
  probesIssued: [],
  possible: [{ decision: 'connect', ruleIndex: 1, paramIndex: null, reason: 'RULE_MATCHED_CATCHALL' }],
  dialect: 'apple-mdm',
  missing: [],
  nearMiss: {
    place: '/OnDemandRules/0',
    failed: [{ name: 'SSIDMatch', wanted: ['Office'], found: 'Cafe', verdict: 'not-held' }],
    text: 'rule 0 (Disconnect) would have matched if ssid were one of "Office"',
  },
  trace: [],
};

export const vpnRoutes: readonly Route[] = [
  {
    id: 'evaluateVpn',
    method: 'POST',
    path: '/v1/vpn/evaluate',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:evaluate'] },
    tag: vpnTag,
    summary: 'What would the client do, and why',
    description:
      'Decides as the vendor’s own client would: `apple-mdm` (default), `apple-ne`, `apple-legacy`, `cisco-anyconnect` or `globalprotect`. ' +
      'An Apple payload is a VPN dictionary or a whole payload with one in it; places in the answer are pointers into the dictionary. ' +
      'A key that the context lacks is unknown: `missing` names it, and the decision is `unknown` unless all outcomes in `possible` agree.',
    query: vpnEvaluateQuery,
    body: { schema: vpnEvaluateRequest, example: { dialect: 'apple-mdm', payload: examplePayload, context } },
    answers: {
      200: { description: 'The decision.', body: { schema: vpnEvaluateAnswer, example: exampleDecision } },
    },
    problems: [],
  },
  {
    id: 'evaluateVpnBulk',
    method: 'POST',
    path: '/v1/vpn/evaluate/bulk',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:evaluate'] },
    tag: vpnTag,
    summary: 'Decide many, a request a line',
    description:
      'NDJSON in, NDJSON out, while it is read: for every line that is not blank one line, in order, with its number and its answer or its ' +
      'problem. A line that is wrong does not keep others from being decided. Nothing is read on while the answer is not read.',
    query: vpnEvaluateQuery,
    body: {
      schema: vpnEvaluateRequest,
      example: { dialect: 'apple-mdm', payload: examplePayload, context },
      linesOnly: true,
      otherTypes: {
        'application/x-ndjson': 'One body of `POST /v1/vpn/evaluate` a line, of at most 1 MiB; any number of lines.',
      },
    },
    answers: {
      200: { description: '`{line, answer}` or `{line, problem}` for each line.', text: 'application/x-ndjson' },
    },
    problems: ['unavailable'],
  },
  {
    id: 'lintVpn',
    method: 'POST',
    path: '/v1/vpn/lint',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:evaluate', 'vpn:read'] },
    tag: vpnTag,
    summary: 'What is wrong, dead or surprising in a policy',
    description:
      'Each finding has its place, the reason, a fix and, where there is one, a context that shows it. Checks that would need more ' +
      'classes of contexts than the limit are listed in `undecided`.',
    body: { schema: vpnLintRequest, example: { dialect: 'apple-mdm', payload: examplePayload } },
    answers: {
      200: {
        description: 'The findings.',
        body: { schema: vpnAnyLintAnswer, example: { dialect: 'apple-mdm', findings: [], undecided: [] } },
      },
    },
    problems: ['unprocessable', 'unavailable'],
  },
  {
    id: 'diffVpn',
    method: 'POST',
    path: '/v1/vpn/diff',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:evaluate', 'vpn:read'] },
    tag: vpnTag,
    summary: 'Where two policies differ in what they do',
    description:
      'Compares two policies of one vendor, or one under two readings, by what happens to the tunnel: equal, or for each pair of outcomes that ' +
      'differ a context to look at, or undecided when there are more classes of contexts than the limit.',
    body: {
      schema: vpnDiffRequest,
      example: {
        left: { dialect: 'apple-mdm', payload: examplePayload },
        right: { dialect: 'apple-ne', payload: examplePayload },
      },
    },
    answers: {
      200: {
        description: 'The comparison.',
        body: { schema: vpnAnyDiffAnswer, example: { result: 'equal', classes: 12 } },
      },
    },
    problems: ['unprocessable', 'unavailable'],
  },
];
