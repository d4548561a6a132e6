"""The use cases: the only place that joins match, plan, store and clock, whatever carries the calls."""
