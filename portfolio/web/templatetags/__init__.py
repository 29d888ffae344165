"""Template tags of the portfolio's pages."""
