"""Sample conversations about one fictional product."""
