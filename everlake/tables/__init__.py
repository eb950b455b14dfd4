"""Tables: the table engine over Lance."""
