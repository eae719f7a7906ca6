raise ImportError("no module named 'their_dependency'")
