"""Self-description of the server: the HTML reference, its static files, and ``/llms.txt``."""
