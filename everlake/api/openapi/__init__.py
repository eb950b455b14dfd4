"""The OpenAPI 3.1 description of the HTTP API, built from the wire types and the limits.

``schemas`` holds what goes over the wire, ``parameters`` what goes into the URL and the
headers, ``responses`` the answers that many operations share, ``paths`` the operations,
``examples`` one small made-up customer that every example is about, and ``errors`` what each
code means. The reference (``docs/reference/api.md``) says the same in prose; a test holds the
two together.
"""

from everlake.api.openapi.document import build_document

__all__ = ["build_document"]
