import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, Unique } from 'typeorm';
import { EndpointEntity } from '../endpoints/endpoint.entity.ts';

/** One key that enrolled. An endpoint has one active agent at most; the ones before it stay as aliases of the endpoint. */
@Entity({ schema: 'mitigation', name: 'agent' })
@Unique('agent_enrolment_id_key', ['enrolmentId'])
@Check('agent_status_check', "status IN ('active', 'replaced', 'revoked')")
@Index('agent_enrolled', { synchronize: false })
export class AgentEntity {
  @PrimaryColumn('text', { name: 'agent_id', primaryKeyConstraintName: 'agent_pk' })
  agentId!: string;

  @Column('jsonb', { name: 'public_key' })
  publicKey!: { kty: 'OKP'; crv: 'Ed25519'; x: string };

  @Index('agent_endpoint')
  @Column('uuid', { name: 'endpoint_id' })
  endpointId!: string;

  @ManyToOne(() => EndpointEntity)
  @JoinColumn({ name: 'endpoint_id', foreignKeyConstraintName: 'agent_endpoint_fk' })
  endpoint!: EndpointEntity;

  @Column('uuid', { name: 'enrolment_id' })
  enrolmentId!: string;

  @Column('text')
  status!: 'active' | 'replaced' | 'revoked';

  @Column('text', { name: 'boot_id', nullable: true })
  bootId!: string | null;

  @Column('timestamptz', { name: 'boot_signed_at', nullable: true })
  bootSignedAt!: Date | null;

  @Column('text', { name: 'earlier_boot_ids', array: true, default: '{}' })
  earlierBootIds!: string[];

  @Column('timestamptz', { name: 'conflict_at', nullable: true })
  conflictAt!: Date | null;

  @Column('timestamptz', { name: 'enrolled_at', default: () => 'now()' })
  enrolledAt!: Date;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt!: Date | null;
}
