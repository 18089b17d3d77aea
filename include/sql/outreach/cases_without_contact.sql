-- Cases that are worked but that no cadence could give a contact on any day, over the channels of their treatment.
SELECT COUNT(*) AS cases
FROM cases AS c
LEFT JOIN (
    SELECT DISTINCT p.customer_id
    FROM contact_person AS p
    INNER JOIN cadence_slot AS s ON p.cadence_no = s.cadence_no
    INNER JOIN contact_channel AS h ON s.channel = h.channel
    WHERE STRPOS(',' || REPLACE(p.channels, ' ', '') || ',', ',' || h.named || ',') > 0
) AS p ON c.customer_id = p.customer_id
WHERE c.queue <> 'none' AND NOT c.held AND p.customer_id IS NULL
