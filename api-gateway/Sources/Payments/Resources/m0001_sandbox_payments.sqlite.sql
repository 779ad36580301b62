-- The built-in payment provider's own records.
CREATE TABLE sandbox_payments (
    id TEXT PRIMARY KEY,
    -- 'new': a first try failed without an effect.
    state TEXT NOT NULL CHECK (state IN ('new', 'authorized', 'declined', 'captured', 'voided', 'refunded')),
    decline_code TEXT,
    amount_minor BIGINT CHECK (amount_minor >= 0),
    currency TEXT,
    method TEXT,
    updated_at BIGINT NOT NULL
);
CREATE TABLE sandbox_ledger (
    seq INTEGER PRIMARY KEY,
    payment_id TEXT NOT NULL REFERENCES sandbox_payments (id),
    kind TEXT NOT NULL CHECK (kind IN ('authorize', 'capture', 'void', 'refund')),
    amount_minor BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE UNIQUE INDEX sandbox_ledger_once ON sandbox_ledger (payment_id, kind);
