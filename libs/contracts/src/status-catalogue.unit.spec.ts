import { canReach, statusCatalogue, statusEntry, statusLabelOf } from './status-catalogue.ts';
import { taskStatus } from './task-status.ts';
import { taskInitiator, taskKind } from './vocabulary.ts';

/** Number, code and label as statuses.md has them; written out, so that a slip in the catalogue shows. */
const table = [
  [1, 'mitigation-in-progress', 'Mitigation in progress'],
  [2, 'all-threats-resolved', 'Resolved threats: All threats resolved'],
  [3, 'security-software-took-action', 'Resolved threats: Endpoint security software took action'],
  [4, 'threat-no-longer-exists', 'Resolved threats: Threat no longer exists'],
  [5, 'potential-threat-resolved', 'Resolved threats: Potential threat resolved'],
  [6, 'no-threat-found', 'Scanned endpoint: No threat found'],
  [7, 'rollback-successful', 'Rollback successful'],
  [8, 'manual-cleanup-needed', 'Assessed endpoint: Manual cleanup needed'],
  [9, 'mitigation-exception', 'No mitigation: Mitigation exception'],
  [10, 'selected-threats-resolved', 'Resolved threats: All selected threats resolved'],
  [11, 'no-action-on-threats', 'Scanned endpoint: No action performed on threats'],
  [12, 'mitigation-timeout', 'Unsuccessful: Mitigation timeout'],
  [13, 'cannot-connect-to-endpoint', 'Unsuccessful: Cannot connect to endpoint'],
  [14, 'platform-not-supported', 'Unsuccessful: Cannot run mitigation task on platform'],
  [15, 'incomplete-task', 'Unsuccessful: Incomplete task'],
  [16, 'not-all-threats-resolved', 'Unsuccessful: Not all threats resolved'],
  [17, 'not-all-selected-threats-resolved', 'Unsuccessful: Not all selected threats resolved'],
  [18, 'agent-component-restart-required', 'Unsuccessful: Agent component problem'],
  [19, 'agent-component-error', 'Unsuccessful: Agent component error'],
  [20, 'corrupted-configuration', 'Unsuccessful: Corrupted configuration file'],
  [21, 'pattern-not-found', 'Unsuccessful: Pattern not found'],
  [22, 'cannot-send-scan-query', 'Unsuccessful: Cannot send scan query'],
  [23, 'rollback-unsuccessful', 'Rollback unsuccessful'],
] as const;

const mitigationOnly = [3, 4, 5, 8, 12, 18];
const userScanOnly = [10, 11, 17];

test('the catalogue has the 23 statuses with the numbers, codes and labels of the source', () => {
  expect(statusCatalogue.map(({ number, code, label }) => [number, code, label])).toEqual(table);
});

test('the catalogue and the union of status facts know the same codes', () => {
  const ofFacts = taskStatus.options.map((option) => option.shape.code.value);
  expect([...ofFacts].sort()).toEqual(statusCatalogue.map(({ code }) => code).sort());
});

test('statuses 1 to 7 ask for no action, 8 to 23 do', () => {
  for (const { number, actionRequired } of statusCatalogue)
    expect([number, actionRequired]).toEqual([number, number > 7]);
});

test('the group of a status is the word its label starts with', () => {
  const groupOfPrefix: Record<string, string> = {
    'Mitigation in progress': 'in-progress',
    'Resolved threats': 'resolved',
    'Scanned endpoint': 'scanned',
    'Assessed endpoint': 'assessed',
    'No mitigation': 'no-mitigation',
    Unsuccessful: 'unsuccessful',
    'Rollback successful': 'rollback',
    'Rollback unsuccessful': 'rollback',
  };
  for (const { label, group } of statusCatalogue) {
    expect([label, group]).toEqual([label, groupOfPrefix[label.split(':')[0] as string]]);
  }
});

test('every status describes itself in a sentence that does not just repeat its label', () => {
  for (const { description, label } of statusCatalogue) {
    expect(description).toMatch(/^[A-Z].{20,}\.$/);
    expect(description).not.toContain(label);
  }
});

test('a status is reached by the kinds of the source, and by a user only where it says so', () => {
  for (const { number, code } of statusCatalogue) {
    for (const kind of taskKind.options) {
      for (const initiator of taskInitiator.options) {
        const expected = mitigationOnly.includes(number)
          ? kind === 'threat-mitigation'
          : userScanOnly.includes(number)
            ? kind === 'on-demand-scan' && initiator === 'user'
            : true;
        expect([code, kind, initiator, canReach(code, kind, initiator)]).toEqual([code, kind, initiator, expected]);
      }
    }
  }
});

test('the label part of a task is that of its row', () => {
  expect(statusLabelOf('rollback-unsuccessful')).toEqual({
    code: 'rollback-unsuccessful',
    label: 'Rollback unsuccessful',
    group: 'rollback',
    actionRequired: true,
  });
  expect(statusEntry('no-threat-found').number).toBe(6);
});
