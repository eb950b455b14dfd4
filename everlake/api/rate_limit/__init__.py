"""Rate limit of API keys, over all API processes (contract, Limits)."""
