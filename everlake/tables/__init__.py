"""Table engine over Lance: versions, publishing, durability, indexes, maintenance, registry."""
