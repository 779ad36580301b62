-- Orders and the sagas that carry them out. Times are microseconds since 1970.
CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'rejected', 'cancelling', 'cancelled', 'needs_attention')),
    request TEXT NOT NULL,
    outcome TEXT,
    rejection_status BIGINT,
    rejection TEXT,
    version BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (subject, idempotency_key)
);
CREATE INDEX orders_by_subject ON orders (subject, id);

CREATE TABLE sagas (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    definition_version BIGINT NOT NULL,
    -- What the saga is about; its projection writes there.
    subject_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'compensating', 'completed', 'compensated', 'parked')),
    -- Index of the step that is being done or undone.
    step BIGINT NOT NULL,
    attempt BIGINT NOT NULL DEFAULT 0,
    data TEXT NOT NULL,
    failure_status BIGINT,
    failure TEXT,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    correlation_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    deadline_at BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX sagas_unfinished ON sagas (next_attempt_at) WHERE state IN ('running', 'compensating');
CREATE INDEX sagas_by_subject ON sagas (subject_id);

CREATE TABLE saga_history (
    saga_id TEXT NOT NULL REFERENCES sagas (id),
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    state TEXT NOT NULL,
    step TEXT NOT NULL,
    event TEXT NOT NULL,
    detail TEXT,
    PRIMARY KEY (saga_id, version)
);
