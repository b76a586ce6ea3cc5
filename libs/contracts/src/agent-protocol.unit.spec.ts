import { checkInRequest, enrolRequest } from './agent-protocol.ts';

const taskId = '00000000-0000-4000-8000-000000000001';
const checkIn = (running: object) => ({ bootId: 'b', agentVersion: '1', capabilities: [], running: [running] });

test('a run that no table can hold is refused: a number beyond int, a phase with U+0000', () => {
  const running = { taskId, run: 1, attempt: 2 ** 31 - 1, phase: 'scanning' };
  expect(checkInRequest.safeParse(checkIn(running)).success).toBe(true);
  for (const bad of [{ attempt: 2 ** 31 }, { run: 2 ** 31 }, { phase: 'a\u0000b' }]) {
    expect(checkInRequest.safeParse(checkIn({ ...running, ...bad })).success).toBe(false);
  }
});

test('an agent on a device whose id no path can name enrols with it', () => {
  const request = {
    enrolmentToken: 't',
    enrolmentId: taskId,
    publicKey: { kty: 'OKP', crv: 'Ed25519', x: 'a'.repeat(43) },
    host: { hostname: 'desk-7', ips: [], macs: [], platform: 'linux', osVersion: '6.1', deviceId: 'jobs' },
  };
  expect(enrolRequest.safeParse(request).success).toBe(true);
});
