"""What records point to: fetched, uploaded, and read."""
