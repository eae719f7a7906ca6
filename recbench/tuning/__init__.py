"""Tuning: a `study` of so many trials for every model; `proposal` says what `tune` tries next."""
