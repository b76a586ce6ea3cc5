import { assertNever } from '@quell/contracts/vocabulary';
import { readDictionary } from '@quell/contracts/vpn-apple';
import type { VpnEvaluateAnswer, VpnEvaluateRequest } from '@quell/contracts/vpn-evaluate';
import { evaluateApple } from '../dialects/apple/evaluate.ts';
import { evaluateCisco } from '../dialects/cisco-anyconnect/evaluate.ts';
import { evaluateGlobalProtect } from '../dialects/globalprotect/evaluate.ts';

/** What the client of the request's dialect would do, and why. Source: the vendors' documents and source named in the README. */
export function evaluate(request: VpnEvaluateRequest): VpnEvaluateAnswer {
  switch (request.dialect) {
    case 'apple-mdm':
    case 'apple-ne':
    case 'apple-legacy':
      return evaluateApple(readDictionary(request.payload), request.context, request.dialect, request.readings);
    case 'cisco-anyconnect':
      return evaluateCisco(request.profile, request.context, request.readings);
    case 'globalprotect':
      return evaluateGlobalProtect(request, request, request.readings);
    default:
      return assertNever(request);
  }
}
