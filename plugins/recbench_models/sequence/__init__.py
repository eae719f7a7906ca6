"""Models that read a user's history in order to rate one target item."""
