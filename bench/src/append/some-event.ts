/** The data of every event that is appended: about 500 bytes of JSON. */
export const data = {
  detection: { source: 'edr', sourceId: 'alert-4711', severity: 4, path: '/home/ann/downloads/invoice.exe' },
  more: 'x'.repeat(380),
};
export const type = 'DetectionAttached';
