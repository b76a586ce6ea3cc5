import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { StartError } from './start-error.ts';

const readyWithinMs = 60_000;

/**
 * Waits until `/readyz` of the gateway answers 200.
 *
 * @throws StartError with the last answer after 60 s.
 */
export async function untilReady(url: string): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  let answer = 'no answer';
  while (Date.now() < deadline) {
    const { status, text } = await get(`${url}/readyz`).catch((error: Error) => ({ status: 0, text: error.message }));
    if (status === 200) return;
    answer = `${status || 'error'} ${text.slice(0, 500)}`;
    await delay(100);
  }
  throw new StartError(`The services run, but ${url}/readyz says after 60 s: ${answer}`);
}

function get(url: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    // We ask our own gateway whether it is there; its certificate may well be for another name.
    const request = url.startsWith('https:')
      ? httpsGet(url, { timeout: 5_000, rejectUnauthorized: false })
      : httpGet(url, { timeout: 5_000 });
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.once('timeout', () => request.destroy(new Error('no answer within 5 s')));
    request.once('error', reject);
  });
}
