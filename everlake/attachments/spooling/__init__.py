"""Spooling: content on this machine while it is checked."""
