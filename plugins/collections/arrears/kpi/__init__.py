"""KPIs: the day's opening facts, the closing facts of finished days, the roll matrix, and the daily report."""
