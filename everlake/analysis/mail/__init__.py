"""Mail: separates what the sender wrote from quotations, copied headers and signatures."""

from everlake.analysis.mail.splitting import split_quotes

__all__ = ["split_quotes"]
