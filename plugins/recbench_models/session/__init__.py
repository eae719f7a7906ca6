"""Models that read a session and score every item as its next one."""
