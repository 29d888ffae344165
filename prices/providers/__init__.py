"""Where prices come from: the protocol of a provider, the providers, and their limiter."""
