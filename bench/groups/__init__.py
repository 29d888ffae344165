"""The groups of measures; each yields its records as soon as they are there."""
