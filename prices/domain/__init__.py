"""What prices are and the rules about them: plain Python, no I/O, no clock."""
