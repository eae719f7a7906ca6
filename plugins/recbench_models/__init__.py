"""The models that come with recbench, registered through the same entry points as any other."""
