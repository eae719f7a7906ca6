"""Models of clicks, each sound but for one fault; in `FAULTS` the checks that it must fail."""
