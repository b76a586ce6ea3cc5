import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

/** A machine that tasks can run on. It keeps its id when it is installed anew; `agentId` and `deviceId` are its current names. */
@Entity({ schema: 'mitigation', name: 'endpoint' })
@Unique('endpoint_device_id_key', ['deviceId'])
@Unique('endpoint_agent_id_key', ['agentId'])
@Index('endpoint_hostname', { synchronize: false })
export class EndpointEntity {
  @PrimaryColumn('uuid', { name: 'endpoint_id', primaryKeyConstraintName: 'endpoint_pk' })
  endpointId!: string;

  @Column('text', { name: 'device_id', nullable: true })
  deviceId!: string | null;

  /** Whether `deviceId` was inferred from what the machine and the registry have in common; else its agent said it. */
  @Column('boolean', { name: 'device_matched', default: false })
  deviceMatched!: boolean;

  /** The device that it was until a machine with an agent turned out to be it. */
  @Column('text', { name: 'former_device_id', nullable: true })
  formerDeviceId!: string | null;

  @Column('text', { name: 'agent_id', nullable: true })
  agentId!: string | null;

  @Column('text', { nullable: true })
  hostname!: string | null;

  @Column('text', { array: true, default: '{}' })
  ips!: string[];

  @Column('text', { array: true, default: '{}' })
  macs!: string[];

  @Column('text', { nullable: true })
  platform!: string | null;

  @Column('text', { name: 'os_version', nullable: true })
  osVersion!: string | null;

  @Column('text', { name: 'agent_version', nullable: true })
  agentVersion!: string | null;

  /** Null until the first check-in: nothing is known of an agent that only enrolled. */
  @Column('text', { array: true, nullable: true })
  capabilities!: string[] | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt!: Date;
}
