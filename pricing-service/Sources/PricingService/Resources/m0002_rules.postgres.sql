-- Who and why beside every change; categories and dynamic prices; codes limited per shopper.

ALTER TABLE price_entries ADD COLUMN created_by text;
ALTER TABLE price_entries ADD COLUMN reason text;
ALTER TABLE exchange_tables ADD COLUMN created_by text;
ALTER TABLE exchange_tables ADD COLUMN reason text;
ALTER TABLE tax_tables ADD COLUMN created_by text;
ALTER TABLE tax_tables ADD COLUMN reason text;

-- What discounts by category go by; NULL where nobody said.
ALTER TABLE priced_products ADD COLUMN category text;
-- What dynamic pricing has decided, JSON; NULL where it leaves the price alone. The same as the newest row of price_decisions, so that
-- reading a price looks at one row.
ALTER TABLE priced_products ADD COLUMN decision text;

ALTER TABLE discounts ADD COLUMN usage_limit_per_shopper bigint;
-- Who orders; NULL where nobody said.
ALTER TABLE redemptions ADD COLUMN shopper text;

-- How often a shopper's orders hold a code. Kept for every redemption with a shopper, so that a limit may be set later.
CREATE TABLE discount_shoppers (
    discount_id uuid NOT NULL REFERENCES discounts (id),
    shopper text NOT NULL,
    times_used bigint NOT NULL CHECK (times_used >= 0),
    PRIMARY KEY (discount_id, shopper)
);

CREATE TABLE dynamic_policies (
    product_id uuid NOT NULL PRIMARY KEY REFERENCES priced_products (product_id),
    -- As on the wire, JSON.
    policy text NOT NULL,
    -- Whether it is looked at each round.
    enabled boolean NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL
);

-- Append-only: what dynamic pricing did, each as the product's version that it made. A NULL ends what was decided before.
CREATE TABLE price_decisions (
    product_id uuid NOT NULL REFERENCES priced_products (product_id),
    version bigint NOT NULL,
    decision text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (product_id, version)
);

-- What was seen of a product, in slices of time that begin at `since`.
CREATE TABLE product_demand (
    product_id uuid NOT NULL REFERENCES priced_products (product_id),
    since timestamptz NOT NULL,
    views bigint NOT NULL CHECK (views >= 0),
    orders bigint NOT NULL CHECK (orders >= 0),
    PRIMARY KEY (product_id, since)
);

CREATE INDEX product_demand_since ON product_demand (since);
