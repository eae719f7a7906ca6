"""New plugins: a whole distribution with a model or dataset, its tests included."""
