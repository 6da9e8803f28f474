-- The facts of a contact after one more order, later than all before it, that nothing has taken back.
--
-- The same facts as profile.sql would compute (a test says so), at the cost of the order alone however many came before
-- it: what makes a first import of years of orders bearable. Every value on the right is the one before the order.
UPDATE profiles SET
    first_order_at = COALESCE(first_order_at, {at}),
    first_order_id = COALESCE(first_order_id, {order_id}),
    last_order_at = {at},
    last_order_id = {order_id},
    order_count = order_count + 1,
    revenue = revenue + {amount},
    revenue_365d = revenue_365d + {amount_365d},
    revenue_365d_since = CASE WHEN {since} > revenue_365d_since THEN {since} ELSE revenue_365d_since END,
    revenue_365d_until = CASE WHEN revenue_365d_until < {until} THEN revenue_365d_until ELSE COALESCE({until}, revenue_365d_until) END,
    average_order_value = (revenue + {amount}) / (order_count + 1),
    average_gap_days = CASE WHEN order_count >= 1 THEN ({at} - first_order_at) / ({day} * (order_count + 1 - 1.0)) END,
    last_gap_days = ({at} - last_order_at) / ({day} * 1.0),
    longest_gap_days = CASE
        WHEN longest_gap_days > CAST(({at} - last_order_at) / ({day} * 1.0) AS DOUBLE PRECISION) THEN longest_gap_days
        ELSE ({at} - last_order_at) / ({day} * 1.0)
    END,
    last_activity_at = CASE WHEN last_activity_at > {at} THEN last_activity_at ELSE {at} END,
    changed_at = {now}
{given}
WHERE profiles.contact_id = {contact_id}
  AND (profiles.last_order_at IS NULL OR profiles.last_order_at < {at})
  AND profiles.revenue_365d_since <= {now}
  AND (profiles.revenue_365d_until IS NULL OR profiles.revenue_365d_until > {now})
