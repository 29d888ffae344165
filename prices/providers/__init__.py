"""Where prices come from: the protocol every provider keeps, and the providers."""
