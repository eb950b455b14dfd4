"""Landing archive: every accepted record as it was sent, written once; the source of truth."""
