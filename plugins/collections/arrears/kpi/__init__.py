"""KPIs: their definitions, their builds and the daily report."""
