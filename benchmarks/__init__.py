"""smnn beside its peers: one command, ``python -m benchmarks``, results kept as data."""
