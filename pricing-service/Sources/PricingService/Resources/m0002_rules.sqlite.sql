-- Who and why beside every change; categories and dynamic prices; codes limited per shopper.

ALTER TABLE price_entries ADD COLUMN created_by TEXT;
ALTER TABLE price_entries ADD COLUMN reason TEXT;
ALTER TABLE exchange_tables ADD COLUMN created_by TEXT;
ALTER TABLE exchange_tables ADD COLUMN reason TEXT;
ALTER TABLE tax_tables ADD COLUMN created_by TEXT;
ALTER TABLE tax_tables ADD COLUMN reason TEXT;

-- What discounts by category go by; NULL where nobody said.
ALTER TABLE priced_products ADD COLUMN category TEXT;
-- What dynamic pricing has decided, JSON; NULL where it leaves the price alone. The same as the newest row of price_decisions, so that
-- reading a price looks at one row.
ALTER TABLE priced_products ADD COLUMN decision TEXT;

ALTER TABLE discounts ADD COLUMN usage_limit_per_shopper INTEGER;
-- Who orders; NULL where nobody said.
ALTER TABLE redemptions ADD COLUMN shopper TEXT;

-- How often a shopper's orders hold a code. Kept for every redemption with a shopper, so that a limit may be set later.
CREATE TABLE discount_shoppers (
    discount_id TEXT NOT NULL REFERENCES discounts (id),
    shopper TEXT NOT NULL,
    times_used INTEGER NOT NULL CHECK (times_used >= 0),
    PRIMARY KEY (discount_id, shopper)
) STRICT;

CREATE TABLE dynamic_policies (
    product_id TEXT NOT NULL PRIMARY KEY REFERENCES priced_products (product_id),
    -- As on the wire, JSON.
    policy TEXT NOT NULL,
    -- 1 where the policy is enabled: what is looked at each round.
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    version INTEGER NOT NULL CHECK (version >= 1),
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL
) STRICT;

-- Append-only: what dynamic pricing did, each as the product's version that it made. A NULL ends what was decided before.
CREATE TABLE price_decisions (
    product_id TEXT NOT NULL REFERENCES priced_products (product_id),
    version INTEGER NOT NULL,
    decision TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (product_id, version)
) STRICT;

-- What was seen of a product, in slices of time that begin at `since`.
CREATE TABLE product_demand (
    product_id TEXT NOT NULL REFERENCES priced_products (product_id),
    since INTEGER NOT NULL,
    views INTEGER NOT NULL CHECK (views >= 0),
    orders INTEGER NOT NULL CHECK (orders >= 0),
    PRIMARY KEY (product_id, since)
) STRICT;

CREATE INDEX product_demand_since ON product_demand (since);
