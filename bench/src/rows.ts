import type { OpenContest } from './contest.ts';

/** One row of the benchmark. */
export interface Row {
  readonly name: string;
  readonly title: string;
  /** Whether it loads code with decorators, which Node's own type stripping does not run. */
  readonly decorators?: boolean;
  /** Loaded when it is its turn: most rows need libraries that others do without. */
  readonly load: () => Promise<OpenContest>;
}

/** In the order in which they run: `visible` before the intake fills `detections.v1` with what mitigation would have to take first. */
export const rows: readonly Row[] = [
  {
    name: 'append-1',
    title: 'append 1 event, 8 writers, expected version each time',
    load: async () => (await import('./append/append-row.ts')).appendRow(1),
  },
  {
    name: 'append-10',
    title: 'append 10 events, 8 writers, expected version each time',
    load: async () => (await import('./append/append-row.ts')).appendRow(10),
  },
  {
    name: 'consumer-new',
    title: 'mitigation consumer, Kafka to Postgres: every detection opens a task',
    decorators: true,
    load: async () => (await import('./consumer/consumer-rows.ts')).openConsumerNew,
  },
  {
    name: 'consumer-mixed',
    title: 'mitigation consumer, Kafka to Postgres: 20 % open a task, 80 % repeat one',
    decorators: true,
    load: async () => (await import('./consumer/consumer-rows.ts')).openConsumerMixed,
  },
  {
    name: 'consumer-stored',
    title: 'mitigation consumer with tasks stored already (--stored N), against empty',
    decorators: true,
    load: async () => (await import('./consumer/consumer-rows.ts')).openConsumerStored,
  },
  {
    name: 'visible',
    title: 'detection posted → its task named by GET /v1/detections/{id}, 100 a second',
    load: async () => (await import('./intake/visible-row.ts')).openVisible,
  },
  {
    name: 'posture-detected',
    title: 'detection accepted → its device’s VPN decision changed',
    load: async () => (await import('./posture/posture-rows.ts')).openPostureDetected,
  },
  {
    name: 'posture-resolved',
    title: 'agent’s result accepted → its device’s VPN decision changed back',
    load: async () => (await import('./posture/posture-rows.ts')).openPostureResolved,
  },
  {
    name: 'intake-batch',
    title: 'POST /v1/detections, 64 connections × batches of 100, answered after Kafka acknowledged',
    load: async () => (await import('./intake/intake-rows.ts')).openIntakeBatch,
  },
  {
    name: 'intake-single',
    title: 'POST /v1/detections, 64 connections × one detection, CPU of the server',
    load: async () => (await import('./intake/intake-rows.ts')).openIntakeSingle,
  },
  {
    name: 'visible-importing',
    title: 'the same while a large file of devices is imported, beside without',
    load: async () => (await import('./devices/import-row.ts')).openVisibleImporting,
  },
  {
    name: 'devices-http',
    title: 'type-ahead over HTTP: search with filters, exact total and facets, one person (--devices N)',
    load: async () => (await import('./devices/http-row.ts')).openDevicesHttp,
  },
  {
    name: 'devices-in-process',
    title: 'the same without HTTP: the index alone (--devices N)',
    load: async () => (await import('./devices/in-process-row.ts')).openDevicesInProcess,
  },
  {
    name: 'vpn',
    title: 'VPN evaluation, 20 rules, one core: which rule decides',
    load: async () => (await import('./vpn/vpn-row.ts')).openVpn,
  },
];

/** The rows that any of the words names: a row's name or the beginning of it, such as `consumer`; all without words. */
export function selectRows(words: readonly string[]): Row[] | { readonly unknown: string } {
  const unknown = words.find((word) => !rows.some(({ name }) => matches(name, word)));
  if (unknown !== undefined) return { unknown };
  return rows.filter(({ name }) => words.length === 0 || words.some((word) => matches(name, word)));
}

function matches(name: string, word: string): boolean {
  return name === word || name.startsWith(`${word}-`);
}
