import type { Scope } from '@quell/contracts/scopes';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A row of `auth.api_key`: every service reads it, ingest alone writes it. */
@Entity({ schema: 'auth', name: 'api_key' })
export class ApiKeyEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  name!: string;

  /** `administrator`: made from QUELL_ADMIN_KEY, one at a time. */
  @Column('text')
  origin!: 'api' | 'administrator';

  @Column('text')
  prefix!: string;

  /** SHA-256 of the key. */
  @Column('bytea')
  hash!: Buffer;

  @Column('text', { array: true })
  scopes!: Scope[];

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;
}
