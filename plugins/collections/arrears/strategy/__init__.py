"""Strategy: ageing, balance tiers, decision tables and the treatments that they give."""
