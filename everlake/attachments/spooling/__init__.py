"""Spooling: staging of incoming content on this machine while it is received and checked."""
