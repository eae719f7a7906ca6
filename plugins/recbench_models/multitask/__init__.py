"""Multi-task models of the rows of a table: one input, several labels."""
