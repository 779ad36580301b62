-- The books of inventory-service's database: prints what does not balance, and nothing if all does. The equations are the ledger's own, as
-- inventory-service's tests have them.
WITH ledger AS (
    SELECT
        product_id,
        sum(CASE kind WHEN 'receipt' THEN quantity WHEN 'adjustment' THEN quantity WHEN 'sell' THEN -quantity WHEN 'return' THEN quantity ELSE 0 END)
            AS on_hand,
        sum(CASE kind WHEN 'reserve' THEN quantity WHEN 'release' THEN -quantity WHEN 'expire' THEN -quantity WHEN 'sell' THEN -quantity ELSE 0 END)
            AS reserved
    FROM stock_movements GROUP BY product_id
), held AS (
    SELECT l.product_id, sum(l.quantity) AS reserved
    FROM reservation_lines l JOIN reservations r ON r.id = l.reservation_id WHERE r.state = 'held' GROUP BY l.product_id
)
SELECT p.sku || ': stock ' || s.on_hand || ' on hand, ' || s.reserved || ' reserved; ledger ' || coalesce(l.on_hand, 0) || ', '
    || coalesce(l.reserved, 0) || '; held by reservations ' || coalesce(h.reserved, 0)
FROM stock s JOIN products p ON p.id = s.product_id LEFT JOIN ledger l ON l.product_id = s.product_id LEFT JOIN held h ON h.product_id = s.product_id
WHERE s.on_hand <> coalesce(l.on_hand, 0) OR s.reserved <> coalesce(l.reserved, 0) OR s.reserved <> coalesce(h.reserved, 0);
