-- Orders and the sagas that carry them out.
CREATE TABLE orders (
    id uuid PRIMARY KEY,
    subject text NOT NULL,
    idempotency_key text NOT NULL,
    body_sha256 text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'confirmed', 'rejected', 'cancelling', 'cancelled', 'needs_attention')),
    -- JSON, as this service wrote it.
    request text NOT NULL,
    outcome text,
    rejection_status bigint,
    rejection text,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (subject, idempotency_key)
);
CREATE INDEX orders_by_subject ON orders (subject, id);

CREATE TABLE sagas (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    definition_version bigint NOT NULL,
    -- What the saga is about; its projection writes there.
    subject_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'compensating', 'completed', 'compensated', 'parked')),
    -- Index of the step that is being done or undone.
    step bigint NOT NULL,
    attempt bigint NOT NULL DEFAULT 0,
    data text NOT NULL,
    failure_status bigint,
    failure text,
    cancel_requested boolean NOT NULL DEFAULT FALSE,
    correlation_id text NOT NULL,
    trace_id text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    deadline_at timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX sagas_unfinished ON sagas (next_attempt_at) WHERE state IN ('running', 'compensating');
CREATE INDEX sagas_by_subject ON sagas (subject_id);

CREATE TABLE saga_history (
    saga_id uuid NOT NULL REFERENCES sagas (id),
    version bigint NOT NULL,
    at timestamptz NOT NULL,
    state text NOT NULL,
    step text NOT NULL,
    event text NOT NULL,
    detail text,
    PRIMARY KEY (saga_id, version)
);
