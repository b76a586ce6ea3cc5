import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import type { VpnAnyLintAnswer } from '@quell/contracts/vpn-any-lint';
import type { VpnAnyDiffAnswer } from '@quell/contracts/vpn-diff';
import {
  type VpnDiffRequest,
  type VpnLintRequest,
  vpnDiffRequest,
  vpnLintRequest,
} from '@quell/contracts/vpn-policy-body';
import { Scopes } from '@quell/service-kit/auth';
import { AnalysisThreads, orUnprocessable } from '../analysis/analysis-threads.ts';
import { diffOrRefuse } from './diff-or-refuse.ts';

@Controller('/v1/vpn')
@Scopes('vpn:evaluate', 'vpn:read')
export class AnalysisController {
  constructor(@Inject(AnalysisThreads) private readonly threads: AnalysisThreads) {}

  @Post('lint')
  @HttpCode(200)
  lint(@Body({ schema: vpnLintRequest }) request: VpnLintRequest): Promise<VpnAnyLintAnswer> {
    return orUnprocessable(this.threads.run('lint', request));
  }

  @Post('diff')
  @HttpCode(200)
  diff(@Body({ schema: vpnDiffRequest }) { left, right }: VpnDiffRequest): Promise<VpnAnyDiffAnswer> {
    return diffOrRefuse(this.threads, left, right);
  }
}
