"""Models that do what no model should, for tests/suite/test_hostile.py."""
