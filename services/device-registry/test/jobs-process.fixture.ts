import { startReplica } from './jobs-replica.fixture.ts';

// A replica as a process of its own, for a test to kill.
startReplica(process.env.DATABASE_URL!);
