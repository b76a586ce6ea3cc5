import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Where one detection went. */
@Entity({ schema: 'mitigation', name: 'detection' })
@Check('detection_disposition_check', "disposition IN ('task', 'duplicate', 'recorded', 'unresolved', 'dead-letter')")
@Index('detection_unresolved_hints', { synchronize: false })
@Index('detection_received', { synchronize: false })
@Index('detection_source', { synchronize: false })
@Index('detection_task', { synchronize: false })
@Index('detection_elsewhere', { synchronize: false })
export class DetectionEntity {
  @PrimaryColumn('uuid', { name: 'detection_id', primaryKeyConstraintName: 'detection_pk' })
  detectionId!: string;

  /** Every content of the detection that was taken; the latest is last. */
  @Column('uuid', { name: 'event_ids', array: true })
  eventIds!: string[];

  @Column('text')
  source!: string;

  @Column('text', { name: 'source_id' })
  sourceId!: string;

  @Column('timestamptz', { name: 'detected_at' })
  detectedAt!: Date;

  @Column('timestamptz', { name: 'received_at' })
  receivedAt!: Date;

  @Column('smallint')
  severity!: number;

  @Column('text')
  disposition!: 'task' | 'duplicate' | 'recorded' | 'unresolved' | 'dead-letter';

  @Column('uuid', { name: 'task_id', nullable: true })
  taskId!: string | null;

  @Column('uuid', { name: 'endpoint_id', nullable: true })
  endpointId!: string | null;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('jsonb', { nullable: true })
  candidates!: unknown;

  /** While it is unresolved: what it may be found by once an endpoint or a device changes. */
  @Column('text', { array: true, nullable: true, select: false })
  hints!: string[] | null;

  /** The normalised detection as JSON text. */
  @Column('text')
  content!: string;

  /** Repeats of a content that was taken already: they have no other effect. */
  @Column('int', { default: 0 })
  duplicates!: number;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
