"""Reading stored prices: one symbol, many, or all of them as columns."""
