-- Quantities are pieces. What is sorted or paged by is COLLATE "C", so that both engines order alike, whatever the server's locale.

CREATE TABLE products (
    id uuid NOT NULL PRIMARY KEY,
    sku text COLLATE "C" NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    category text COLLATE "C" NOT NULL,
    -- A JSON object of strings.
    attributes text NOT NULL,
    reorder_point bigint NOT NULL CHECK (reorder_point >= 0),
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Deleted, as callers see it. The row stays, because the ledger names it.
    archived_at timestamptz
);

-- Archived ones too: a SKU is one product for ever, because other services know the product by it.
CREATE UNIQUE INDEX products_by_sku ON products (sku);
CREATE INDEX products_by_category ON products (category, sku) WHERE archived_at IS NULL;

-- What the ledger adds up to, kept so that a reservation need not add it up. Every order changes a row here, so no index names a column
-- that changes, and pages are half empty: the new version of a row fits beside the old one, and the index is left alone (HOT).
CREATE TABLE stock (
    product_id uuid NOT NULL PRIMARY KEY REFERENCES products (id),
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL CHECK (reserved >= 0),
    CONSTRAINT stock_covers_reserved CHECK (reserved <= on_hand)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- Also the barrier rows of the sagas that reserve: they are never deleted.
CREATE TABLE reservations (
    id uuid NOT NULL PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('held', 'sold', 'returned', 'released', 'expired')),
    -- These three are NULL where only the undo of the id is known, because it came first.
    order_id uuid,
    expires_in bigint,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT only_an_undo_has_no_order
        CHECK (state = 'released' OR (order_id IS NOT NULL AND expires_in IS NOT NULL AND expires_at IS NOT NULL))
);

CREATE INDEX reservations_due ON reservations (expires_at) WHERE state = 'held';

-- One index only, because every order writes here; it is the one that keeps a product from being in a reservation twice. The number of a
-- line is for its place in the answer.
CREATE TABLE reservation_lines (
    reservation_id uuid NOT NULL REFERENCES reservations (id),
    line bigint NOT NULL,
    product_id uuid NOT NULL REFERENCES products (id),
    -- As it was when it was reserved.
    sku text COLLATE "C" NOT NULL,
    quantity bigint NOT NULL CHECK (quantity >= 1),
    PRIMARY KEY (reservation_id, product_id)
);

-- Sequences are given out before the commit and not given back: there are gaps, and an entry of one product may be seen after a later one
-- of another. Entries of one product are seen in their order, because they are written under the lock of its row in stock.
CREATE TABLE stock_movements (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id uuid NOT NULL REFERENCES products (id),
    kind text NOT NULL CHECK (kind IN ('receipt', 'adjustment', 'reserve', 'release', 'expire', 'sell', 'return')),
    quantity bigint NOT NULL CHECK (quantity > 0 OR (kind = 'adjustment' AND quantity <> 0)),
    reservation_id uuid REFERENCES reservations (id),
    reason text,
    note text,
    actor text NOT NULL,
    at timestamptz NOT NULL
);

CREATE INDEX stock_movements_by_product ON stock_movements (product_id, sequence);

CREATE FUNCTION refuse_to_change_the_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END;
$$;

CREATE TRIGGER stock_movements_are_not_changed BEFORE UPDATE ON stock_movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_ledger();

CREATE TRIGGER stock_movements_are_not_deleted BEFORE DELETE OR TRUNCATE ON stock_movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_ledger();
