-- The facts of some contacts, computed afresh from everything that is known of them.
--
-- Computing afresh, instead of adding to what was there, is what makes late, repeated, back-dated and cancelled orders
-- come out right. The indexes on (contact_id, ordered_at) and (contact_id, at) make the
-- cost that of their own rows.
--
-- A cancellation or refund that names an order of the same contact lowers that order, at that order's time; the order
-- stands while something of it is left. One that names none, or one we do not know, is negative revenue at its own time.
WITH rows_of AS (
    SELECT contact_id, source, external_id, kind, ordered_at, amount, cancels
    FROM orders
    WHERE contact_id IN {ids}
),
taken_back AS (
    SELECT contact_id, source, cancels, SUM(amount) AS amount
    FROM rows_of
    WHERE kind <> 'order' AND cancels IS NOT NULL
    GROUP BY contact_id, source, cancels
),
placed AS (
    SELECT o.contact_id, o.external_id, o.ordered_at,
           o.amount - COALESCE(t.amount, 0) AS amount,
           CASE WHEN t.amount IS NOT NULL AND t.amount >= o.amount THEN 0 ELSE 1 END AS stands
    FROM rows_of o
    LEFT JOIN taken_back t ON t.contact_id = o.contact_id AND t.source = o.source AND t.cancels = o.external_id
    WHERE o.kind = 'order'
),
unmatched AS (
    SELECT r.contact_id, r.ordered_at, -r.amount AS amount
    FROM rows_of r
    WHERE r.kind <> 'order'
      AND NOT EXISTS (
          SELECT 1 FROM rows_of o
          WHERE o.kind = 'order' AND o.contact_id = r.contact_id AND o.source = r.source AND o.external_id = r.cancels
      )
),
effects AS (
    SELECT contact_id, ordered_at, amount FROM placed
    UNION ALL
    SELECT contact_id, ordered_at, amount FROM unmatched
),
money AS (
    SELECT contact_id,
           CAST(SUM(amount) AS BIGINT) AS revenue,
           CAST(SUM(CASE WHEN ordered_at <= :now AND ordered_at > :now - :year THEN amount ELSE 0 END) AS BIGINT) AS revenue_365d,
           -- the latest change of that sum at or before now, and the next one after it
           MAX(CASE WHEN ordered_at + :year <= :now THEN ordered_at + :year
                    WHEN ordered_at <= :now THEN ordered_at END) AS since,
           MIN(CASE WHEN ordered_at > :now THEN ordered_at
                    WHEN ordered_at + :year > :now THEN ordered_at + :year END) AS until
    FROM effects
    GROUP BY contact_id
),
standing AS (
    -- of orders at one instant the id decides, byte by byte, so that every database finds the same one last
    SELECT contact_id, external_id, ordered_at,
           ordered_at - LAG(ordered_at) OVER (PARTITION BY contact_id ORDER BY ordered_at, external_id {bytewise}) AS gap,
           ROW_NUMBER() OVER (PARTITION BY contact_id ORDER BY ordered_at, external_id {bytewise}) AS place,
           COUNT(*) OVER (PARTITION BY contact_id) AS places
    FROM placed
    WHERE stands = 1
),
rhythm AS (
    SELECT contact_id,
           COUNT(*) AS order_count,
           MIN(ordered_at) AS first_order_at,
           MAX(CASE WHEN place = 1 THEN external_id END) AS first_order_id,
           MAX(ordered_at) AS last_order_at,
           MAX(CASE WHEN place = places THEN external_id END) AS last_order_id,
           MAX(CASE WHEN place = places THEN gap END) AS last_gap,
           MAX(gap) AS longest_gap
    FROM standing
    GROUP BY contact_id
)
INSERT INTO profiles (
    contact_id, signed_up_at, first_order_at, first_order_id, last_order_at, last_order_id, order_count, revenue,
    revenue_365d, revenue_365d_since, revenue_365d_until, average_order_value, average_gap_days, last_gap_days,
    longest_gap_days, last_activity_at, email_consent, sms_consent, country, locale, zone, acquisition_source, changed_at
)
SELECT
    c.id, c.signed_up_at, r.first_order_at, r.first_order_id, r.last_order_at, r.last_order_id,
    COALESCE(r.order_count, 0), COALESCE(m.revenue, 0), COALESCE(m.revenue_365d, 0), COALESCE(m.since, {never}), m.until,
    m.revenue / r.order_count,
    CASE WHEN r.order_count >= 2 THEN (r.last_order_at - r.first_order_at) / (:day * (r.order_count - 1.0)) END,
    r.last_gap / (:day * 1.0),
    r.longest_gap / (:day * 1.0),
    (SELECT MAX(acted.at) FROM (
        SELECT c.signed_up_at AS at
        UNION ALL SELECT MAX(o.ordered_at) FROM orders o WHERE o.contact_id = c.id
        UNION ALL SELECT MAX(e.at) FROM events e WHERE e.contact_id = c.id
    ) AS acted),
    -- of two statements at one instant the withdrawal counts
    COALESCE((SELECT s.granted FROM consents s WHERE s.contact_id = c.id AND s.channel = 'email' AND s.purpose = 'marketing'
              ORDER BY s.at DESC, s.granted ASC LIMIT 1), {no}),
    COALESCE((SELECT s.granted FROM consents s WHERE s.contact_id = c.id AND s.channel = 'sms' AND s.purpose = 'marketing'
              ORDER BY s.at DESC, s.granted ASC LIMIT 1), {no}),
    c.country, c.locale, c.zone, c.acquisition_source, :now
FROM contacts c
LEFT JOIN money m ON m.contact_id = c.id
LEFT JOIN rhythm r ON r.contact_id = c.id
WHERE c.id IN {ids}
ON CONFLICT (contact_id) DO UPDATE SET
    signed_up_at = excluded.signed_up_at,
    first_order_at = excluded.first_order_at,
    first_order_id = excluded.first_order_id,
    last_order_at = excluded.last_order_at,
    last_order_id = excluded.last_order_id,
    order_count = excluded.order_count,
    revenue = excluded.revenue,
    revenue_365d = excluded.revenue_365d,
    revenue_365d_since = excluded.revenue_365d_since,
    revenue_365d_until = excluded.revenue_365d_until,
    average_order_value = excluded.average_order_value,
    average_gap_days = excluded.average_gap_days,
    last_gap_days = excluded.last_gap_days,
    longest_gap_days = excluded.longest_gap_days,
    last_activity_at = excluded.last_activity_at,
    email_consent = excluded.email_consent,
    sms_consent = excluded.sms_consent,
    country = excluded.country,
    locale = excluded.locale,
    zone = excluded.zone,
    acquisition_source = excluded.acquisition_source,
    changed_at = excluded.changed_at
