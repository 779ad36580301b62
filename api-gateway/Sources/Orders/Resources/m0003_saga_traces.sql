-- The span that a saga is a part of, as W3C writes it, so that a saga that another process takes up goes on in its trace. NULL where
-- there was none, and in rows of before.
ALTER TABLE sagas ADD COLUMN trace_parent TEXT;
