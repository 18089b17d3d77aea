"""Rules as data: typed, frozen models parsed from `include/rules`, with file and line in every error."""
