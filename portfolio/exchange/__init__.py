"""Files of transactions: reads the CSV of several tools, and writes our own."""
