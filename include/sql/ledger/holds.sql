-- The lender's holds, and one of kind data_quality for every contract that has a row in quarantine: nobody is treated
-- or contacted because of wrong figures. A customer's or a consent's bad row holds all contracts of the customer.
WITH bad_customers AS (
    SELECT customers.customer_id
    FROM quarantine
    INNER JOIN customers ON quarantine.row_number = customers.row_number
    WHERE
        quarantine.severity = 'blocking'
        AND quarantine.table_name = 'customers'
    UNION
    SELECT consents.customer_id
    FROM quarantine
    INNER JOIN consents ON quarantine.row_number = consents.row_number
    WHERE
        quarantine.severity = 'blocking'
        AND quarantine.table_name = 'consents'
),

bad_contracts AS (
    SELECT contract_id
    FROM quarantine
    WHERE severity = 'blocking'
    UNION
    SELECT contracts.contract_id
    FROM contracts
    INNER JOIN bad_customers ON contracts.customer_id = bad_customers.customer_id
),

held AS (
    -- a row that points to no contract holds nobody
    SELECT DISTINCT contracts.contract_id
    FROM contracts
    INNER JOIN bad_contracts ON contracts.contract_id = bad_contracts.contract_id
)

SELECT *
FROM clean_holds
UNION ALL BY NAME
SELECT
    contract_id,
    'data_quality' AS kind,
    CAST($as_of AS DATE) AS start_date,
    CAST(NULL AS DATE) AS end_date
FROM held
ORDER BY contract_id, kind, start_date
