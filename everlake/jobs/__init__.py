"""Durable jobs over the catalog: claims, heartbeat, outcomes, and when a failed one is retried."""
