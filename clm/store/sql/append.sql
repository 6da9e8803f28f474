-- The facts of a contact after one more order, later than all before it, that nothing has taken back.
--
-- The same facts as profile.sql would compute (a test says so), at the cost of the order alone however many came before
-- it: what makes a first import of years of orders bearable. Every value on the right is the one before the order.
--
-- The quantiles of the gaps are what would need all orders: from the third order on they are left as they were, and the
-- profile is marked, so that clm.engine.profile.refresh computes them afresh.
UPDATE profiles SET
    first_order_at = COALESCE(first_order_at, {at}),
    first_order_id = COALESCE(first_order_id, {order_id}),
    last_order_at = {at},
    last_order_id = {order_id},
    order_count = order_count + 1,
    revenue = revenue + {amount},
    revenue_365d = revenue_365d + CASE WHEN {at} <= {now} AND {at} > {now} - {year} THEN {amount} ELSE 0 END,
    -- the order's coming and its going are where the sum changes: the latest such instant so far, and the next one
    revenue_365d_since = CASE
        WHEN {at} + {year} <= {now} AND {at} + {year} > revenue_365d_since THEN {at} + {year}
        WHEN {at} + {year} > {now} AND {at} <= {now} AND {at} > revenue_365d_since THEN {at}
        ELSE revenue_365d_since
    END,
    revenue_365d_until = CASE
        WHEN {at} > {now} AND (revenue_365d_until IS NULL OR {at} < revenue_365d_until) THEN {at}
        WHEN {at} <= {now} AND {at} + {year} > {now} AND (revenue_365d_until IS NULL OR {at} + {year} < revenue_365d_until)
            THEN {at} + {year}
        ELSE revenue_365d_until
    END,
    average_order_value = (revenue + {amount}) / (order_count + 1),
    average_gap_days = CASE WHEN order_count >= 1 THEN ({at} - first_order_at) / ({day} * (order_count + 1 - 1.0)) END,
    last_gap_days = ({at} - last_order_at) / ({day} * 1.0),
    longest_gap_days = CASE
        WHEN longest_gap_days > CAST(({at} - last_order_at) / ({day} * 1.0) AS DOUBLE PRECISION) THEN longest_gap_days
        ELSE ({at} - last_order_at) / ({day} * 1.0)
    END,
    -- one that is dated ahead counts when its time has come, by the second of the columns above
    last_activity_at = CASE WHEN {at} > {now} OR last_activity_at > {at} THEN last_activity_at ELSE {at} END,
    lapse_80_at = {at} + gap_80_ms,
    lapse_90_at = {at} + gap_90_ms,
    next_order_expected_at = {at} + gap_50_ms,
    rhythm_stale = (order_count + 1 >= 3),
    changed = {changed}
{given}
WHERE profiles.contact_id = {contact_id}
  AND (profiles.last_order_at IS NULL OR profiles.last_order_at < {at})
  AND profiles.revenue_365d_since <= {now}
  AND (profiles.revenue_365d_until IS NULL OR profiles.revenue_365d_until > {now})
