import { closeSync, openSync, readSync } from 'node:fs';
import { appleDialect, applePayload } from '@quell/contracts/vpn-apple';
import { ciscoProfile } from '@quell/contracts/vpn-cisco';
import { dictionaryOf } from '@quell/contracts/vpn-dictionary';
import { globalProtectPolicy } from '@quell/contracts/vpn-globalprotect';
import { type VpnPolicyBody, vpnPolicyBody } from '@quell/contracts/vpn-policy-body';
import { type VpnPolicyContent, vpnPolicyContent } from '@quell/contracts/vpn-policy-events';
import type { VpnWhatIfAnswer } from '@quell/contracts/vpn-what-if';
import { prepare } from '../simulate/prepare.ts';
import { type ContextLine, simulateLines, type WrongLine } from '../simulate/simulate.ts';
import { Tally } from '../simulate/tally.ts';
import { parsed, readJson, UsageError } from './finish.ts';
import { policyIn } from './lint.ts';

type Options = { readonly dialect: string; readonly against?: string; readonly json?: true };

const WRONG_LINES_SHOWN = 10;

/** `quell vpn simulate`: what a policy decides in many contexts, and where that is not what another one decides. */
export function simulateCommand(policy: string, contexts: string, options: Options) {
  const candidate = prepare(contentOf(policy, options.dialect));
  const against = options.against === undefined ? undefined : prepare(contentOf(options.against, options.dialect));
  const tally = new Tally();
  const wrong: WrongLine[] = [];
  for (const lines of batchesOf(contexts)) {
    const more = simulateLines(tally, lines, candidate, against);
    wrong.push(...more.slice(0, WRONG_LINES_SHOWN - wrong.length));
  }
  const answer = tally.answer();
  const exitCode = answer.failed > 0 ? 3 : answer.changed > 0 ? 1 : 0;
  if (options.json) return { text: JSON.stringify({ ...answer, wrong }, null, 2), exitCode };
  return { text: summary(answer, wrong), exitCode };
}

/** A policy as it is, as the body or the content of a stored one, or as it stands in a request of POST /v1/vpn/evaluate. */
function contentOf(file: string, dialect: string): VpnPolicyContent {
  const json = readJson(file);
  if (typeof json === 'object' && json !== null) {
    if ('body' in json) return parsed(vpnPolicyContent, json, file);
    if ('dialect' in json && ('payload' in json || 'profile' in json || 'settings' in json)) {
      return { body: parsed(vpnPolicyBody, json, file) };
    }
  }
  return { body: bodyOf(policyIn(json), dialect, file) };
}

function bodyOf(policy: unknown, dialect: string, file: string): VpnPolicyBody {
  if (dialect === 'cisco-anyconnect') return { dialect, profile: parsed(ciscoProfile, policy, file) };
  if (dialect === 'globalprotect') return { dialect, settings: parsed(globalProtectPolicy, policy, file) };
  const payload = parsed(applePayload, dictionaryOf(policy).dictionary, file);
  return { dialect: parsed(appleDialect, dialect, 'the dialect'), payload };
}

const PART_BYTES = 1024 * 1024;

/** The lines of a file, those of each part of it together: a file of any size is never held whole. */
function* batchesOf(file: string): Generator<ContextLine[]> {
  let descriptor: number;
  try {
    descriptor = file === '-' ? 0 : openSync(file, 'r');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
  }
  const decoder = new TextDecoder();
  const part = Buffer.alloc(PART_BYTES);
  let rest = '';
  let line = 0;
  for (let bytes = read(file, descriptor, part); bytes > 0; bytes = read(file, descriptor, part)) {
    const texts = (rest + decoder.decode(part.subarray(0, bytes), { stream: true })).split('\n');
    rest = texts.pop() ?? '';
    yield texts.map((text) => ({ line: ++line, text }));
  }
  rest += decoder.decode();
  if (rest !== '') yield [{ line: ++line, text: rest }];
  if (descriptor !== 0) closeSync(descriptor);
}

function read(file: string, descriptor: number, part: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, part);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      // A pipe that has nothing yet.
      if (code !== 'EAGAIN') throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function summary({ contexts, changed, failed, outcomes }: VpnWhatIfAnswer, wrong: readonly WrongLine[]): string {
  return [
    `${contexts} contexts, ${changed} decided otherwise, ${failed} that do not fit`,
    ...outcomes.map(({ from, to, count, examples }) => {
      const what = from === null || from === to ? to : `${from} -> ${to}`;
      const shown = examples.map(({ line, context }) => `\n    line ${line}: ${JSON.stringify(context)}`);
      return `${String(count).padStart(9)}  ${what}${shown.join('')}`;
    }),
    ...wrong.map(({ line, pointer, detail }) => `line ${line}${pointer === undefined ? '' : ` ${pointer}`}: ${detail}`),
  ].join('\n');
}
