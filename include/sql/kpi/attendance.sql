-- Who was on the roster of a finished day, and who of them was there. Grain: day x collector.
-- collectors are those of the day's own ledger, and closing_days is that day alone; absences (day x collector) were
-- reported by hand.
SELECT
    closing_days.as_of,
    collectors.collector_id,
    collectors.team,
    CASE
        WHEN
            COALESCE(collectors.present, TRUE)
            AND COALESCE(collectors.active_from <= closing_days.as_of, TRUE)
            AND COALESCE(collectors.active_to > closing_days.as_of, TRUE)
            AND absences.collector_id IS NULL
            THEN 1
        ELSE 0
    END AS present
FROM collectors
CROSS JOIN closing_days
LEFT JOIN absences ON closing_days.as_of = absences.as_of AND collectors.collector_id = absences.collector_id
ORDER BY closing_days.as_of, collectors.collector_id
