-- Dealers of the contracts that the day's facts name. Grain: dealer.
WITH named AS (
    SELECT DISTINCT contracts.dealer_id
    FROM contracts
    INNER JOIN treatment ON contracts.contract_id = treatment.contract_id
    WHERE contracts.dealer_id IS NOT NULL
),

regions AS (
    SELECT
        contracts.dealer_id,
        contracts.region,
        ROW_NUMBER() OVER (PARTITION BY contracts.dealer_id ORDER BY COUNT(*) DESC, contracts.region) AS preference
    FROM contracts
    INNER JOIN named ON contracts.dealer_id = named.dealer_id
    GROUP BY contracts.dealer_id, contracts.region
)

SELECT
    dealer_id,
    region AS main_region
FROM regions
WHERE preference = 1
ORDER BY dealer_id
