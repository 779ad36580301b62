-- A text of three characters and more is looked for in an index of three-character pieces (FTS5 with its trigram tokenizer, SQLite 3.34).
-- The index holds no second copy of the texts. It names rows by a number that is ours, because VACUUM may give rows of products another.
--
-- The store keeps it, in the transaction that writes the product: a trigger may not touch a virtual table here, since the database is
-- opened with trusted_schema=OFF.

CREATE TABLE product_numbers (
    number INTEGER PRIMARY KEY,
    product_id TEXT NOT NULL UNIQUE REFERENCES products (id)
) STRICT;

CREATE VIRTUAL TABLE product_texts USING fts5 (sku, name, description, content = '', tokenize = 'trigram');

INSERT INTO product_numbers (product_id) SELECT id FROM products ORDER BY id;
INSERT INTO product_texts (rowid, sku, name, description)
    SELECT n.number, p.sku, p.name, p.description FROM product_numbers n JOIN products p ON p.id = n.product_id;
