"""Groups of measures. `run` of each yields results as soon as they are measured."""
