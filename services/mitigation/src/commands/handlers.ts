import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { assertNever } from '@quell/contracts/vocabulary';
import type { Pool } from 'pg';
import { POOL } from '../database/pool.ts';
import { ON_TASK_CHANGE, type OnTaskChange } from '../delivery/on-task-change.ts';
import { PolicyStore } from '../policy/policy-store.ts';
import { acknowledge, cancel, retry, rollback, runCleanup } from '../task/commands.ts';
import type { Decision } from '../task/decision.ts';
import type { ClockSettings } from '../task/settings.ts';
import type { Task } from '../task/task.ts';
import { type CommandAnswer, type Commanding, changeTask } from './change-task.ts';
import { type OpenScanAnswer, type OpenScanBy, type OpenScanRequest, openScan } from './open-scan.ts';

/** What operators do to a task. */
export type TaskOrder =
  | { readonly name: 'run-cleanup' | 'retry' | 'rollback' | 'cancel' }
  | { readonly name: 'acknowledge'; readonly note?: string | undefined };

export class OrderTask extends Command<CommandAnswer> {
  constructor(
    readonly taskId: string,
    readonly order: TaskOrder,
    readonly by: Commanding,
  ) {
    super();
  }
}

@CommandHandler(OrderTask)
export class OrderTaskHandler implements ICommandHandler<OrderTask> {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(PolicyStore) private readonly policies: PolicyStore,
    @Inject(ON_TASK_CHANGE) private readonly onChange: OnTaskChange,
  ) {}

  async execute({ taskId, order, by }: OrderTask): Promise<CommandAnswer> {
    const policy = await this.policies.current();
    const answer = await changeTask(this.pool, policy, taskId, (task) => decide(task, order, policy.clocks), by);
    if (answer.ok) this.onChange([answer.task.endpoint.endpointId]);
    return answer;
  }
}

function decide(task: Task, order: TaskOrder, clocks: ClockSettings): Decision {
  switch (order.name) {
    case 'run-cleanup':
      return runCleanup(task, clocks);
    case 'retry':
      return retry(task, clocks);
    case 'rollback':
      return rollback(task, clocks);
    case 'cancel':
      return cancel(task);
    case 'acknowledge':
      return acknowledge(task, order.note);
    default:
      return assertNever(order);
  }
}

export class OpenScan extends Command<OpenScanAnswer> {
  constructor(
    readonly request: OpenScanRequest,
    readonly by: OpenScanBy,
  ) {
    super();
  }
}

@CommandHandler(OpenScan)
export class OpenScanHandler implements ICommandHandler<OpenScan> {
  constructor(
    @Inject(POOL) private readonly pool: Pool,
    @Inject(PolicyStore) private readonly policies: PolicyStore,
    @Inject(ON_TASK_CHANGE) private readonly onChange: OnTaskChange,
  ) {}

  async execute({ request, by }: OpenScan): Promise<OpenScanAnswer> {
    const answer = await openScan(this.pool, await this.policies.current(), request, by);
    if (answer.ok) this.onChange([answer.task.endpoint.endpointId]);
    return answer;
  }
}
