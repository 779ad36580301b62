-- Times are microseconds since 1970; amounts are minor units of their currency; ids are lower-case UUIDs.

CREATE TABLE priced_products (
    product_id TEXT NOT NULL PRIMARY KEY,
    sku TEXT NOT NULL UNIQUE,
    -- Changes so far: one more with each entry.
    version INTEGER NOT NULL CHECK (version >= 1)
) STRICT;

-- Append-only: the price history. Of the entries in force, the one that began last counts.
CREATE TABLE price_entries (
    product_id TEXT NOT NULL REFERENCES priced_products (product_id),
    version INTEGER NOT NULL CHECK (version >= 1),
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    currency TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER CHECK (valid_until > valid_from),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (product_id, version)
) STRICT;

CREATE INDEX price_entries_in_force ON price_entries (product_id, valid_from, version);

-- Dated tables: each PUT adds a whole one, and the one that began last is in force.
CREATE TABLE exchange_tables (
    version INTEGER NOT NULL PRIMARY KEY,
    valid_from INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE exchange_rates (
    version INTEGER NOT NULL REFERENCES exchange_tables (version),
    currency TEXT NOT NULL,
    rate_value INTEGER NOT NULL CHECK (rate_value > 0),
    rate_scale INTEGER NOT NULL CHECK (rate_scale BETWEEN 0 AND 9),
    PRIMARY KEY (version, currency)
) STRICT;

CREATE TABLE tax_tables (
    version INTEGER NOT NULL PRIMARY KEY,
    valid_from INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tax_rules (
    version INTEGER NOT NULL REFERENCES tax_tables (version),
    region TEXT NOT NULL,
    rate_value INTEGER NOT NULL CHECK (rate_value >= 0),
    rate_scale INTEGER NOT NULL CHECK (rate_scale BETWEEN 0 AND 6),
    mode TEXT NOT NULL CHECK (mode IN ('exclusive', 'inclusive')),
    PRIMARY KEY (version, region)
) STRICT;

CREATE TABLE discounts (
    id TEXT NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    -- The rule as on the wire, JSON. The columns beside it are what statements compare.
    rule TEXT NOT NULL,
    usage_limit INTEGER CHECK (usage_limit >= 1),
    times_used INTEGER NOT NULL DEFAULT 0 CHECK (times_used >= 0),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- A withdrawn code stays, since quotes already given may still be redeemed; its code may be used anew.
    withdrawn_at INTEGER
) STRICT;

CREATE UNIQUE INDEX discounts_code ON discounts (code) WHERE withdrawn_at IS NULL;

CREATE TABLE quotes (
    id TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > created_at),
    -- As answered, JSON, with its signature.
    body TEXT NOT NULL
) STRICT;

CREATE INDEX quotes_valid_until ON quotes (valid_until);

CREATE TABLE quote_discounts (
    quote_id TEXT NOT NULL REFERENCES quotes (id) ON DELETE CASCADE,
    discount_id TEXT NOT NULL REFERENCES discounts (id),
    PRIMARY KEY (quote_id, discount_id)
) STRICT;

-- The participant's barrier of the order saga. No reference to the quote: the undo of an unknown one is recorded as well.
CREATE TABLE redemptions (
    quote_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('redeemed', 'undone')),
    -- The codes counted, with commas between them.
    codes TEXT NOT NULL,
    redeemed_at INTEGER,
    undone_at INTEGER,
    PRIMARY KEY (quote_id, order_id),
    CHECK ((state = 'undone') = (undone_at IS NOT NULL))
) STRICT;

-- A limited code counts once per order, so an order holds one redemption at a time.
CREATE UNIQUE INDEX redemptions_of_order ON redemptions (order_id) WHERE state = 'redeemed';
