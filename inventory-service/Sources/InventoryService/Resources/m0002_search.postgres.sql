-- A text is looked for anywhere in SKU, name and description, whatever the case of A to Z. The fields are joined by a character (U+001F)
-- that no text looked for can have, so that none is found across two of them; lower() is that of the C locale, so that the server's own
-- locale (Turkish has another small I) decides nothing.
--
-- The extension is trusted: whoever may create in the database may add it. Where it is there already its schema need not be on the search
-- path, so the operators are named in full.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
    EXECUTE format(
        $index$
            CREATE INDEX products_by_text ON products
                USING gin (lower((sku || E'\x1f' || name || E'\x1f' || description) COLLATE "C") %I.gin_trgm_ops) WHERE archived_at IS NULL
        $index$,
        (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'));
END;
$$;
