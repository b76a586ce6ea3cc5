import { Body, Controller, Get, Inject, Put } from '@nestjs/common';
import { type MitigationPolicy, mitigationPolicy } from '@quell/contracts/mitigation-policy';
import { Scopes } from '@quell/service-kit/auth';
import { PolicyStore } from './policy-store.ts';

@Controller('/v1/mitigation-policy')
export class PolicyController {
  constructor(@Inject(PolicyStore) private readonly policies: PolicyStore) {}

  @Get()
  @Scopes('tasks:read')
  read(): Promise<MitigationPolicy> {
    return this.policies.document();
  }

  @Put()
  @Scopes('policy:write')
  replace(@Body({ schema: mitigationPolicy }) policy: MitigationPolicy): Promise<MitigationPolicy> {
    return this.policies.replace(policy);
  }
}
