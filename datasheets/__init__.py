"""What is published of every built-in dataset: pinned fingerprints, pages, and what they take."""
