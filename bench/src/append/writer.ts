/** Appends once to a stream of its own at the version it knows; called again when the last call is done. */
export type Writer = () => Promise<void>;

/** What a task's stream comes to; then the writer begins another one. */
export const APPENDS_PER_STREAM = 10;

/** The data of every event that is appended: about 500 bytes of JSON. */
export const data = {
  detection: { source: 'edr', sourceId: 'alert-4711', severity: 4, path: '/srv/ann/downloads/invoice.exe' },
  more: 'x'.repeat(380),
};
export const type = 'DetectionAttached';
