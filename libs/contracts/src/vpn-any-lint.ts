import { z } from 'zod';
import { vpnLintAnswer } from './vpn-lint.ts';
import { ciscoLintAnswer } from './vpn-lint-cisco.ts';
import { globalProtectLintAnswer } from './vpn-lint-globalprotect.ts';

/** Answer of `POST /v1/vpn/lint`: findings in the terms of the policy's dialect. */
export const vpnAnyLintAnswer = z.union([vpnLintAnswer, ciscoLintAnswer, globalProtectLintAnswer]);
export type VpnAnyLintAnswer = z.infer<typeof vpnAnyLintAnswer>;
