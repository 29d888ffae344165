"""Makes clusters prove themselves each second, so that no test waits for minutes."""
