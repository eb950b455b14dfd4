"""HTTP: routes, authentication, rate limit, errors, OpenAPI."""
