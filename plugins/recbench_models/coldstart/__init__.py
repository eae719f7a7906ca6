"""Models for cold start: users or items of which few examples are known."""
