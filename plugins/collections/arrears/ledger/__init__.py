"""The ledger: its contract, its sources, the pull into the lake and the publication."""
