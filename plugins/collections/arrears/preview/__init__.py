"""What a changed rule set would do to a day's book: computed in the shadow, written to a folder of its own."""
