"""Endpoints of the API, one module for each resource: parse, call an operation, respond."""
