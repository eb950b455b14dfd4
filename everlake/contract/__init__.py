"""Wire contract as types: envelope, batches, errors and limits.

It imports nothing else of Everlake, and no engine.
"""
