"""``python -m everlake``."""

from everlake.cli.main import main

main()
