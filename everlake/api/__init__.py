"""HTTP API: routes, authentication, rate limit, error responses and the OpenAPI document."""
