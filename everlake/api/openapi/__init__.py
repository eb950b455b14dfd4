"""OpenAPI 3.1 document of the HTTP API.

It is generated from the endpoints and types of the contract (:mod:`everlake.contract.endpoints`)
and from the limits in force. Descriptions and examples are written by hand:
``operation_descriptions``, ``schema_descriptions``, ``error_descriptions`` and ``examples``. The
reference ``docs/reference/api.md`` says the same in prose; a test compares the two.
"""

from everlake.api.openapi.document import build_document, encoded_document

__all__ = ["build_document", "encoded_document"]
