"""Models that do what no model should, for tests/test_hostile.py."""
