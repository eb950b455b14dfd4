"""What Everlake is measured beside, each a process of its own."""
