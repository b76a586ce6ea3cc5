import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { simulateCommand } from './simulate.ts';

const folder = mkdtempSync(join(tmpdir(), 'quell-simulate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const policy = (name: string, ...rules: object[]) =>
  file(name, JSON.stringify({ OnDemandEnabled: 1, OnDemandRules: rules }));
const contextIn = (ssid: string) =>
  JSON.stringify({ vpn: 'disconnected', network: { interface: 'WiFi', ssid, primaryIsVirtual: false } });

const before = policy('before.json', { Action: 'Connect' });
const after = policy('after.json', { Action: 'Ignore', SSIDMatch: ['Home'] }, { Action: 'Connect' });

test('simulate counts what another policy decides otherwise, with an example, and tells by its exit code', () => {
  // More than one part of the file, with characters that a part may cut in two.
  const names = Array.from({ length: 20_000 }, (_, index) =>
    index % 4 === 0 ? 'Home' : `Café ${index} ${'ü'.repeat(20)}`,
  );
  const contexts = file('contexts.ndjson', names.map(contextIn).join('\n'));
  const { text, exitCode } = simulateCommand(after, contexts, { dialect: 'apple-mdm', against: before });
  expect(exitCode).toBe(1);
  expect(text).toContain('20000 contexts, 5000 decided otherwise, 0 that do not fit');
  expect(text).toContain(`     5000  connect -> ignore\n    line 1: ${contextIn('Home')}`);
  expect(simulateCommand(after, contexts, { dialect: 'apple-mdm', against: after }).exitCode).toBe(0);
});

test('simulate without another policy counts what is decided; a line that does not fit is named', () => {
  const contexts = file('few.ndjson', `${contextIn('Home')}\n\n{"network":{"interface":"Token Ring"}}\n`);
  const { text, exitCode } = simulateCommand(after, contexts, { dialect: 'apple-mdm' });
  expect(exitCode).toBe(3);
  expect(text.split('\n')).toEqual([
    '2 contexts, 0 decided otherwise, 1 that do not fit',
    '        1  ignore',
    expect.stringMatching(/^line 3 \/network\/interface: /),
  ]);
  const stored = file(
    'stored.json',
    JSON.stringify({ body: { dialect: 'apple-ne', payload: { OnDemandEnabled: 0 } } }),
  );
  expect(simulateCommand(stored, contexts, { dialect: 'apple-mdm' }).text).toContain('1  disabled');
});
