-- The built-in payment provider's own records.
CREATE TABLE sandbox_payments (
    id uuid PRIMARY KEY,
    -- 'new': a first try failed without an effect.
    state text NOT NULL CHECK (state IN ('new', 'authorized', 'declined', 'captured', 'voided', 'refunded')),
    decline_code text,
    amount_minor bigint CHECK (amount_minor >= 0),
    currency text,
    method text,
    updated_at timestamptz NOT NULL
);
CREATE TABLE sandbox_ledger (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES sandbox_payments (id),
    kind text NOT NULL CHECK (kind IN ('authorize', 'capture', 'void', 'refund')),
    amount_minor bigint NOT NULL,
    at timestamptz NOT NULL
);
CREATE UNIQUE INDEX sandbox_ledger_once ON sandbox_ledger (payment_id, kind);
