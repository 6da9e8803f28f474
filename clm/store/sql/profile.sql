-- The facts of some contacts, computed afresh from everything that is known of them.
--
-- Computing afresh, instead of adding to what was there, is what makes late, repeated, back-dated and cancelled orders
-- come out right. The indexes on (contact_id, ordered_at) and (contact_id, name, at) make the cost that of their own
-- rows.
--
-- A cancellation or refund that names an order of the same contact lowers that order, at that order's time; the order
-- stands while something of it is left. One that names none, or one we do not know, is negative revenue at its own time.
--
-- The usual gap is a quantile of the gaps between neighbouring orders that stand, interpolated linearly: that of q lies
-- at place q * (gaps - 1), counted from 0, and between two places as far as the fraction says. Tenths in whole numbers
-- give the same millisecond on every database, half a one rounded up.
--
-- A ticket is open when it was opened later than it was last closed, if ever; one that clm itself opened for a low mark
-- counts for a while at most, since nobody may have told that it is settled. An order that was told to be late is, until
-- it is told as delivered at that instant or later, is known to stand no more, or so much time has passed that nobody
-- waits for it. What names no ticket or order could never be resolved and does not count. Of two ratings at one instant
-- the lower one does. What is dated after now has not happened yet.
--
-- Some facts change by themselves as time passes: orders and what was told of them come, and grow old. The profile is
-- right from the latest such instant up to now until the next one after it.
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
),
spaced AS (
    SELECT contact_id, gap, places - 2 AS steps,
           ROW_NUMBER() OVER (PARTITION BY contact_id ORDER BY gap) - 1 AS place
    FROM standing
    WHERE place >= 2 AND places >= 3
),
usual AS (
    SELECT contact_id,
           CAST(SUM(gap * CASE WHEN place = 5 * steps / 10 THEN 10 - 5 * steps % 10
                               WHEN place = 5 * steps / 10 + 1 THEN 5 * steps % 10
                               ELSE 0 END) + 5 AS BIGINT) / 10 AS gap_50_ms,
           CAST(SUM(gap * CASE WHEN place = 8 * steps / 10 THEN 10 - 8 * steps % 10
                               WHEN place = 8 * steps / 10 + 1 THEN 8 * steps % 10
                               ELSE 0 END) + 5 AS BIGINT) / 10 AS gap_80_ms,
           CAST(SUM(gap * CASE WHEN place = 9 * steps / 10 THEN 10 - 9 * steps % 10
                               WHEN place = 9 * steps / 10 + 1 THEN 9 * steps % 10
                               ELSE 0 END) + 5 AS BIGINT) / 10 AS gap_90_ms
    FROM spaced
    GROUP BY contact_id
),
told AS (
    -- what is still to come too: it says until when the profile is right
    SELECT contact_id, source, name, at, {ticket} AS ticket, {order} AS order_id, {survey} AS survey, {score} AS score
    FROM events
    WHERE contact_id IN {ids} AND name IN {service}
),
activity AS (
    SELECT contact_id, MAX(CASE WHEN at <= :now THEN at END) AS latest, MIN(CASE WHEN at > :now THEN at END) AS until
    FROM (
        SELECT id AS contact_id, signed_up_at AS at FROM contacts WHERE id IN {ids}
        UNION ALL
        SELECT contact_id, ordered_at FROM rows_of
        UNION ALL
        SELECT contact_id, at FROM events WHERE contact_id IN {ids}
    ) AS acted
    GROUP BY contact_id
),
right_for AS (
    SELECT contact_id, MAX(since) AS since, MIN(until) AS until
    FROM (
        SELECT contact_id, since, until FROM money
        UNION ALL
        -- not right before `latest` either, which is last_activity_at: whoever looks for such profiles has that column
        SELECT contact_id, CAST(NULL AS BIGINT), until FROM activity
        UNION ALL
        SELECT contact_id, CASE WHEN at <= :now THEN at END, CASE WHEN at > :now THEN at END FROM told
        UNION ALL
        SELECT contact_id, CASE WHEN at + :late <= :now THEN at + :late END, CASE WHEN at + :late > :now THEN at + :late END
        FROM told
        WHERE name = 'order_late'
        UNION ALL
        SELECT contact_id, CASE WHEN at + :low <= :now THEN at + :low END, CASE WHEN at + :low > :now THEN at + :low END
        FROM told
        WHERE name = 'ticket_opened' AND source = 'clm'
    ) AS turns
    GROUP BY contact_id
),
tickets AS (
    SELECT contact_id, SUM(CASE WHEN opened_at > closed_at OR closed_at IS NULL AND opened_at IS NOT NULL THEN 1 ELSE 0 END)
               AS still_open
    FROM (
        SELECT contact_id, MAX(CASE WHEN name = 'ticket_opened' AND (source <> 'clm' OR at > :now - :low) THEN at END)
                   AS opened_at,
               MAX(CASE WHEN name = 'ticket_closed' THEN at END) AS closed_at
        FROM told
        WHERE ticket IS NOT NULL AND name IN ('ticket_opened', 'ticket_closed') AND at <= :now
        GROUP BY contact_id, ticket
    ) AS of_ticket
    GROUP BY contact_id
),
deliveries AS (
    SELECT contact_id, MAX(CASE WHEN late_at > delivered_at OR delivered_at IS NULL THEN late_at END) AS late_at
    FROM (
        SELECT contact_id, order_id, MAX(CASE WHEN name = 'order_late' THEN at END) AS late_at,
               MAX(CASE WHEN name = 'order_delivered' THEN at END) AS delivered_at
        FROM told
        WHERE order_id IS NOT NULL AND name IN ('order_late', 'order_delivered') AND at <= :now
        GROUP BY contact_id, order_id
    ) AS of_order
    WHERE late_at > :now - :late
      AND NOT EXISTS (
          SELECT 1 FROM placed p
          WHERE p.contact_id = of_order.contact_id AND p.external_id = of_order.order_id AND p.stands = 0
      )
    GROUP BY contact_id
),
ratings AS (
    SELECT contact_id, score, at, ROW_NUMBER() OVER (PARTITION BY contact_id ORDER BY at DESC, score) AS place
    FROM told
    WHERE name = 'survey_answered' AND survey = 'rating' AND score IS NOT NULL AND at <= :now
)
INSERT INTO profiles (
    contact_id, signed_up_at, first_order_at, first_order_id, last_order_at, last_order_id, order_count, revenue,
    revenue_365d, revenue_365d_since, revenue_365d_until, average_order_value, average_gap_days, last_gap_days,
    longest_gap_days, last_activity_at, email_consent, sms_consent, country, locale, zone, acquisition_source,
    home_zone, born_on, born_on_told_at, birthday, gap_50_ms, gap_80_ms, gap_90_ms, lapse_80_at, lapse_90_at,
    next_order_expected_at, rhythm_stale, open_tickets, last_rating, last_rated_at, late_delivery, lot, changed
)
SELECT
    c.id, c.signed_up_at, r.first_order_at, r.first_order_id, r.last_order_at, r.last_order_id,
    COALESCE(r.order_count, 0), COALESCE(m.revenue, 0), COALESCE(m.revenue_365d, 0), COALESCE(f.since, {never}), f.until,
    m.revenue / r.order_count,
    CASE WHEN r.order_count >= 2 THEN (r.last_order_at - r.first_order_at) / (:day * (r.order_count - 1.0)) END,
    r.last_gap / (:day * 1.0),
    r.longest_gap / (:day * 1.0),
    a.latest,
    -- of two statements at one instant the withdrawal counts
    COALESCE((SELECT s.granted FROM consents s WHERE s.contact_id = c.id AND s.channel = 'email' AND s.purpose = 'marketing'
              ORDER BY s.at DESC, s.granted ASC LIMIT 1), {no}),
    COALESCE((SELECT s.granted FROM consents s WHERE s.contact_id = c.id AND s.channel = 'sms' AND s.purpose = 'marketing'
              ORDER BY s.at DESC, s.granted ASC LIMIT 1), {no}),
    c.country, c.locale, c.zone, c.acquisition_source,
    c.home_zone, c.born_on, c.born_on_told_at, {birthday}, u.gap_50_ms, u.gap_80_ms, u.gap_90_ms,
    r.last_order_at + u.gap_80_ms, r.last_order_at + u.gap_90_ms, r.last_order_at + u.gap_50_ms,
    {no}, COALESCE(t.still_open, 0), g.score, g.at, d.late_at IS NOT NULL, c.lot, :changed
FROM contacts c
LEFT JOIN money m ON m.contact_id = c.id
LEFT JOIN activity a ON a.contact_id = c.id
LEFT JOIN right_for f ON f.contact_id = c.id
LEFT JOIN rhythm r ON r.contact_id = c.id
LEFT JOIN usual u ON u.contact_id = c.id
LEFT JOIN tickets t ON t.contact_id = c.id
LEFT JOIN deliveries d ON d.contact_id = c.id
LEFT JOIN ratings g ON g.contact_id = c.id AND g.place = 1
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
    home_zone = excluded.home_zone,
    born_on = excluded.born_on,
    born_on_told_at = excluded.born_on_told_at,
    birthday = excluded.birthday,
    gap_50_ms = excluded.gap_50_ms,
    gap_80_ms = excluded.gap_80_ms,
    gap_90_ms = excluded.gap_90_ms,
    lapse_80_at = excluded.lapse_80_at,
    lapse_90_at = excluded.lapse_90_at,
    next_order_expected_at = excluded.next_order_expected_at,
    rhythm_stale = excluded.rhythm_stale,
    open_tickets = excluded.open_tickets,
    last_rating = excluded.last_rating,
    last_rated_at = excluded.last_rated_at,
    late_delivery = excluded.late_delivery,
    changed = excluded.changed
