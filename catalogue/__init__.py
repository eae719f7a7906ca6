"""What is published of every built-in dataset: pinned fingerprints and pages of documentation."""
