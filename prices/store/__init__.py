"""MongoDB: the only place that knows how series, bars and quotes look as documents."""
