import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Task } from '../task/task.ts';

/** One line of the task list, folded from the feed; `state` is the whole task, from which the next event is folded on. */
@Entity({ schema: 'mitigation', name: 'task_view' })
@Index('task_view_updated', { synchronize: false })
@Index('task_view_status', { synchronize: false })
@Index('task_view_kind', { synchronize: false })
@Index('task_view_endpoint', { synchronize: false })
@Index('task_view_agent', { synchronize: false })
@Index('task_view_device', { synchronize: false })
@Index('task_view_hostname', { synchronize: false })
@Index('task_view_severity', { synchronize: false })
@Index('task_view_action_required', { synchronize: false })
export class TaskViewEntity {
  @PrimaryColumn('uuid', { name: 'task_id', primaryKeyConstraintName: 'task_view_pk' })
  taskId!: string;

  @Column('text')
  kind!: string;

  @Column('text')
  initiator!: string;

  @Column('smallint')
  severity!: number;

  @Column('uuid', { name: 'endpoint_id' })
  endpointId!: string;

  @Column('text', { nullable: true })
  hostname!: string | null;

  @Column('text', { name: 'device_id', nullable: true })
  deviceId!: string | null;

  @Column('text', { name: 'agent_id', nullable: true })
  agentId!: string | null;

  @Column('text', { name: 'status_code' })
  statusCode!: string;

  @Column('text', { name: 'status_group' })
  statusGroup!: string;

  @Column('boolean', { name: 'action_required' })
  actionRequired!: boolean;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('int')
  run!: number;

  @Column('text')
  mode!: string;

  @Column('int')
  attempt!: number;

  @Column('int', { name: 'detection_count' })
  detectionCount!: number;

  @Column('timestamptz', { name: 'first_seen_at', nullable: true })
  firstSeenAt!: Date | null;

  @Column('timestamptz', { name: 'last_seen_at', nullable: true })
  lastSeenAt!: Date | null;

  @Column('timestamptz', { name: 'opened_at' })
  openedAt!: Date;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt!: Date;

  @Column('int')
  version!: number;

  /** The task as folded up to `version`. Not jsonb, which holds no U+0000: names come as endpoints have them. */
  @Column('json')
  state!: Task;
}
