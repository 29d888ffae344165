"""What portfolios are and how they are valued: pure Python and numpy."""
