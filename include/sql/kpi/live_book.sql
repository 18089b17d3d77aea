-- The snapshot without its written-off contracts (recovery_book), which the figures of the book leave out. Grain: day
-- x contract.
SELECT snapshot.*
FROM snapshot
LEFT JOIN recovery_book
    ON snapshot.as_of = recovery_book.as_of AND snapshot.contract_id = recovery_book.contract_id
WHERE recovery_book.contract_id IS NULL
