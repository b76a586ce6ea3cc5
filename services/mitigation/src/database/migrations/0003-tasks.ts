import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The rows beside the task streams: work to hand out and its clocks, which task takes a detection, Kafka's offsets, policy. */
export class Tasks0000000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE mitigation.work (
        task_id uuid PRIMARY KEY,
        endpoint_id uuid NOT NULL,
        agent_id text,
        kind text NOT NULL,
        run int NOT NULL,
        mode text NOT NULL,
        attempt int NOT NULL DEFAULT 0,
        phase text NOT NULL CHECK (phase IN ('queued', 'dispatched', 'accepted')),
        changes_state boolean NOT NULL,
        priority int NOT NULL,
        requested_at timestamptz NOT NULL,
        not_before timestamptz NOT NULL,
        first_accepted_at timestamptz,
        lease_expires_at timestamptz,
        probe_at timestamptz,
        cancel_requested_at timestamptz,
        queue_due_at timestamptz,
        total_due_at timestamptz,
        run_due_at timestamptz,
        cancel_due_at timestamptz,
        -- A silent run of a kind other than threat mitigation is probed once before it ends.
        run_extended boolean NOT NULL DEFAULT false,
        next_due_at timestamptz,
        progress jsonb,
        boot_id text
      );
      -- One run that changes state per endpoint at a time.
      CREATE UNIQUE INDEX work_one_changing_run ON mitigation.work (endpoint_id)
        WHERE changes_state AND phase IN ('dispatched', 'accepted');
      CREATE INDEX work_next_due ON mitigation.work (next_due_at);
      CREATE INDEX work_hand_out ON mitigation.work (endpoint_id, phase, priority DESC, requested_at);

      CREATE TABLE mitigation.open_task (
        endpoint_id uuid NOT NULL,
        threat_key text NOT NULL,
        task_id uuid NOT NULL,
        reopen_until timestamptz,
        PRIMARY KEY (endpoint_id, threat_key)
      );
      CREATE INDEX open_task_task ON mitigation.open_task (task_id);

      CREATE TABLE mitigation.detection (
        detection_id uuid CONSTRAINT detection_pk PRIMARY KEY,
        -- Every content of the detection that was taken; the latest is last.
        event_ids uuid[] NOT NULL,
        source text NOT NULL,
        source_id text NOT NULL,
        detected_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        severity smallint NOT NULL,
        disposition text NOT NULL CONSTRAINT detection_disposition_check
          CHECK (disposition IN ('task', 'duplicate', 'recorded', 'unresolved', 'dead-letter')),
        task_id uuid,
        endpoint_id uuid,
        reason text,
        candidates jsonb,
        content text NOT NULL,
        -- Repeats of a content that was taken already: they have no other effect.
        duplicates int NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX detection_unresolved ON mitigation.detection (detection_id) WHERE disposition = 'unresolved';
      CREATE INDEX detection_received ON mitigation.detection (received_at DESC, detection_id);
      CREATE INDEX detection_source ON mitigation.detection (source, received_at DESC, detection_id);
      CREATE INDEX detection_task ON mitigation.detection (task_id);
      -- Nearly all go to a task: the list of those is the list of all.
      CREATE INDEX detection_elsewhere ON mitigation.detection (disposition, received_at DESC, detection_id)
        WHERE disposition <> 'task';

      CREATE TABLE mitigation.inbox (
        cluster_id text NOT NULL,
        topic text NOT NULL,
        partition int NOT NULL,
        next_offset bigint NOT NULL,
        PRIMARY KEY (cluster_id, topic, partition)
      );

      CREATE TABLE mitigation.dead_letter (
        id uuid PRIMARY KEY,
        topic text NOT NULL,
        partition int NOT NULL,
        "offset" bigint NOT NULL,
        key text,
        reason text NOT NULL,
        pointer text,
        value bytea,
        headers jsonb NOT NULL DEFAULT '{}',
        first_failed_at timestamptz NOT NULL,
        attempts int NOT NULL DEFAULT 1,
        state text NOT NULL
      );

      CREATE TABLE mitigation.idempotency_key (
        key text NOT NULL,
        route text NOT NULL,
        request_sha256 text NOT NULL,
        response jsonb,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (key, route)
      );

      CREATE TABLE mitigation.service_heartbeat (
        replica_id uuid PRIMARY KEY,
        beat_at timestamptz NOT NULL
      );
      CREATE TABLE mitigation.outage (
        id uuid PRIMARY KEY,
        started_at timestamptz NOT NULL,
        ended_at timestamptz,
        reason text NOT NULL
      );

      CREATE TABLE mitigation.mitigation_policy (
        id int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
        document jsonb NOT NULL,
        version int NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE mitigation.mitigation_exception (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        value text NOT NULL,
        reason text NOT NULL,
        expires_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        suspended jsonb
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE mitigation.mitigation_exception, mitigation.mitigation_policy, mitigation.outage, mitigation.service_heartbeat,
        mitigation.idempotency_key, mitigation.dead_letter, mitigation.inbox, mitigation.detection,
        mitigation.open_task, mitigation.work
    `);
  }
}
