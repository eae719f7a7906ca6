"""What can be run: the models and datasets of this machine, broken ones with the reason."""
