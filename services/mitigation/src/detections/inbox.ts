import { inboxOf } from '@quell/service-kit/inbox';
import { SCHEMA } from '../database/schema.ts';

/** How far detections were taken. */
export const { loadOffsets, moveInbox, requireKnownCluster } = inboxOf(SCHEMA, 'detections');
