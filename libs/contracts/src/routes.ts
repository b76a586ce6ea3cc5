import { administrationRoutes } from './routes/administration.ts';
import { agentRoutes } from './routes/agents.ts';
import { detectionRoutes } from './routes/detections.ts';
import type { Route } from './routes/route.ts';
import { taskRoutes } from './routes/tasks.ts';

/** Every call that Quell answers, in the order of the documents. */
export const routes: readonly Route[] = [...detectionRoutes, ...taskRoutes, ...agentRoutes, ...administrationRoutes];
