"""Fetching: SSRF-safe HTTP downloads from URLs that customers wrote."""
