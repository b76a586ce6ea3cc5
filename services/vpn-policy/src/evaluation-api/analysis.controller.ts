import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import type { VpnAnyLintAnswer } from '@quell/contracts/vpn-any-lint';
import type { VpnAnyDiffAnswer } from '@quell/contracts/vpn-diff';
import {
  type VpnDiffRequest,
  type VpnLintRequest,
  vpnDiffRequest,
  vpnLintRequest,
} from '@quell/contracts/vpn-policy-body';
import { Scopes } from '@quell/service-kit/auth';
import { refusal } from '@quell/service-kit/problem-error';
import { diffPolicies } from '../diff/diff-policies.ts';
import { lintPolicy } from '../lint/lint-policy.ts';

@Controller('/v1/vpn')
@Scopes('vpn:evaluate', 'vpn:read')
export class AnalysisController {
  @Post('lint')
  @HttpCode(200)
  lint(@Body({ schema: vpnLintRequest }) request: VpnLintRequest): VpnAnyLintAnswer {
    return lintPolicy(request);
  }

  @Post('diff')
  @HttpCode(200)
  diff(@Body({ schema: vpnDiffRequest }) { left, right }: VpnDiffRequest): VpnAnyDiffAnswer {
    const answer = diffPolicies(left, right);
    if (answer !== undefined) return answer;
    throw refusal('unprocessable', `A policy of ${left.dialect} cannot be compared with one of ${right.dialect}.`);
  }
}
