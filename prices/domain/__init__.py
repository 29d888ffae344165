"""The rules about prices: plain Python and numpy, without I/O or clock."""
