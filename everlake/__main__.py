"""``python -m everlake``."""

from everlake.cli.main import program

program()
