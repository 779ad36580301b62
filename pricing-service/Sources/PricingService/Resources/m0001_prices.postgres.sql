-- Amounts are minor units of their currency. Texts that something is ordered by are compared byte by byte, as SQLite does.

CREATE TABLE priced_products (
    product_id uuid NOT NULL PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    -- Changes so far: one more with each entry.
    version bigint NOT NULL CHECK (version >= 1)
);

-- Append-only: the price history. Of the entries in force, the one that began last counts.
CREATE TABLE price_entries (
    product_id uuid NOT NULL REFERENCES priced_products (product_id),
    version bigint NOT NULL CHECK (version >= 1),
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz CHECK (valid_until > valid_from),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (product_id, version)
);

CREATE INDEX price_entries_in_force ON price_entries (product_id, valid_from, version);

-- Dated tables: each PUT adds a whole one, and the one that began last is in force.
CREATE TABLE exchange_tables (
    version bigint NOT NULL PRIMARY KEY,
    valid_from timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE INDEX exchange_tables_in_force ON exchange_tables (valid_from, version);

CREATE TABLE exchange_rates (
    version bigint NOT NULL REFERENCES exchange_tables (version),
    currency text NOT NULL,
    rate_value bigint NOT NULL CHECK (rate_value > 0),
    rate_scale bigint NOT NULL CHECK (rate_scale BETWEEN 0 AND 9),
    PRIMARY KEY (version, currency)
);

CREATE TABLE tax_tables (
    version bigint NOT NULL PRIMARY KEY,
    valid_from timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE INDEX tax_tables_in_force ON tax_tables (valid_from, version);

CREATE TABLE tax_rules (
    version bigint NOT NULL REFERENCES tax_tables (version),
    region text COLLATE "C" NOT NULL,
    rate_value bigint NOT NULL CHECK (rate_value >= 0),
    rate_scale bigint NOT NULL CHECK (rate_scale BETWEEN 0 AND 6),
    mode text NOT NULL CHECK (mode IN ('exclusive', 'inclusive')),
    PRIMARY KEY (version, region)
);

CREATE TABLE discounts (
    id uuid NOT NULL PRIMARY KEY,
    code text COLLATE "C" NOT NULL,
    -- The rule as on the wire, JSON. The columns beside it are what statements compare.
    rule text NOT NULL,
    usage_limit bigint CHECK (usage_limit >= 1),
    times_used bigint NOT NULL DEFAULT 0 CHECK (times_used >= 0),
    version bigint NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- A withdrawn code stays, since quotes already given may still be redeemed; its code may be used anew.
    withdrawn_at timestamptz
);

CREATE UNIQUE INDEX discounts_code ON discounts (code) WHERE withdrawn_at IS NULL;

CREATE TABLE quotes (
    id uuid NOT NULL PRIMARY KEY,
    created_at timestamptz NOT NULL,
    valid_until timestamptz NOT NULL CHECK (valid_until > created_at),
    -- As answered, JSON, with its signature.
    body text NOT NULL
);

CREATE INDEX quotes_valid_until ON quotes (valid_until);

CREATE TABLE quote_discounts (
    quote_id uuid NOT NULL REFERENCES quotes (id) ON DELETE CASCADE,
    discount_id uuid NOT NULL REFERENCES discounts (id),
    PRIMARY KEY (quote_id, discount_id)
);

-- The participant's barrier of the order saga. No reference to the quote: the undo of an unknown one is recorded as well.
CREATE TABLE redemptions (
    quote_id uuid NOT NULL,
    order_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('redeemed', 'undone')),
    -- The codes counted, with commas between them.
    codes text NOT NULL,
    redeemed_at timestamptz,
    undone_at timestamptz,
    PRIMARY KEY (quote_id, order_id),
    CHECK ((state = 'undone') = (undone_at IS NOT NULL))
);

-- A limited code counts once per order, so an order holds one redemption at a time.
CREATE UNIQUE INDEX redemptions_of_order ON redemptions (order_id) WHERE state = 'redeemed';

