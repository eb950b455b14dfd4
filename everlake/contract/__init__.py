"""The wire as types: envelope, batch, errors, limits. Knows nothing else of Everlake."""
