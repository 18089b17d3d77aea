"""Preview: what a changed rule set would do to a day's book, computed in the shadow and written to a folder of its own."""
