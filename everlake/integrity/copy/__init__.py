"""Copy: the objects of one storage into another, and their comparison afterwards."""
