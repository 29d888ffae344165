"""The price cache: symbols, their bars, and the jobs that keep both complete and correct."""
