"""Wire contract as types: envelope, batches, errors and limits.

"Contract" in docstrings is the Evermuse Ingestion API v1, with the section that a rule is from;
``docs/reference/api.md`` describes it, Everlake's extensions included.

It imports nothing else of Everlake, and no engine.
"""
