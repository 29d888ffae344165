"""Reading stored prices: one symbol, many symbols, or all of them as columns."""
