"""Fetching: downloads from URLs that strangers wrote."""
