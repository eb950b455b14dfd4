"""Identity: authentication of requests, and permissions of principals."""
