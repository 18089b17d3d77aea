"""Quality: the rules that a pulled ledger must keep, the gate that judges it, and the quarantine of bad rows."""
