-- The day as a whole. Grain: day x basis. The contracts are those of the live book; cases may be of the recovery book.
SELECT
    CAST($as_of AS DATE) AS as_of,
    CAST($basis AS VARCHAR) AS basis,
    CAST($rule_set_hash AS VARCHAR) AS rule_set_hash,
    book.contracts,
    book.overdue_contracts,
    book.held_contracts,
    book.data_quality_holds,
    worked.cases,
    worked.working_cases
FROM (
    SELECT
        COUNT(*) AS contracts,
        COUNT(CASE WHEN snapshot.days_past_due > 0 THEN 1 END) AS overdue_contracts,
        COUNT(CASE WHEN snapshot.held THEN 1 END) AS held_contracts,
        COUNT(CASE WHEN snapshot.hold_kind = 'data_quality' THEN 1 END) AS data_quality_holds
    FROM snapshot
    LEFT JOIN recovery_book
        ON snapshot.as_of = recovery_book.as_of AND snapshot.contract_id = recovery_book.contract_id
    WHERE recovery_book.contract_id IS NULL
) AS book
CROSS JOIN (
    SELECT
        COUNT(*) AS cases,
        COUNT(CASE WHEN queue <> 'none' THEN 1 END) AS working_cases
    FROM cases
) AS worked
