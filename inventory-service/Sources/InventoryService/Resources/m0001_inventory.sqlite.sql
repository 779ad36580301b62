-- Times are microseconds since 1970; quantities are pieces; ids are lower-case UUIDs.

CREATE TABLE products (
    id TEXT NOT NULL PRIMARY KEY,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL,
    -- A JSON object of strings.
    attributes TEXT NOT NULL,
    reorder_point INTEGER NOT NULL CHECK (reorder_point >= 0),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Deleted, as callers see it. The row stays, because the ledger names it.
    archived_at INTEGER
) STRICT;

-- Archived ones too: a SKU is one product for ever, because other services know the product by it.
CREATE UNIQUE INDEX products_by_sku ON products (sku);
CREATE INDEX products_by_category ON products (category, sku) WHERE archived_at IS NULL;

-- What the ledger adds up to, kept so that a reservation need not add it up.
CREATE TABLE stock (
    product_id TEXT NOT NULL PRIMARY KEY REFERENCES products (id),
    on_hand INTEGER NOT NULL,
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    CONSTRAINT stock_covers_reserved CHECK (reserved <= on_hand)
) STRICT, WITHOUT ROWID;

-- Also the barrier rows of the sagas that reserve: they are never deleted.
CREATE TABLE reservations (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('held', 'sold', 'returned', 'released', 'expired')),
    -- These three are NULL where only the undo of the id is known, because it came first.
    order_id TEXT,
    expires_in INTEGER,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT only_an_undo_has_no_order
        CHECK (state = 'released' OR (order_id IS NOT NULL AND expires_in IS NOT NULL AND expires_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX reservations_due ON reservations (expires_at) WHERE state = 'held';

CREATE TABLE reservation_lines (
    reservation_id TEXT NOT NULL REFERENCES reservations (id),
    line INTEGER NOT NULL,
    product_id TEXT NOT NULL REFERENCES products (id),
    -- As it was when it was reserved.
    sku TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity >= 1),
    PRIMARY KEY (reservation_id, line),
    UNIQUE (reservation_id, product_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE stock_movements (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    product_id TEXT NOT NULL REFERENCES products (id),
    kind TEXT NOT NULL CHECK (kind IN ('receipt', 'adjustment', 'reserve', 'release', 'expire', 'sell', 'return')),
    quantity INTEGER NOT NULL CHECK (quantity > 0 OR (kind = 'adjustment' AND quantity <> 0)),
    reservation_id TEXT REFERENCES reservations (id),
    reason TEXT,
    note TEXT,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX stock_movements_by_product ON stock_movements (product_id, sequence);

CREATE TRIGGER stock_movements_are_not_changed BEFORE UPDATE ON stock_movements
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

CREATE TRIGGER stock_movements_are_not_deleted BEFORE DELETE ON stock_movements
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

