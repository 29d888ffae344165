"""The portfolio's pages: views, forms and template tags."""
