"""Sample conversations about one fictional product, for ``everlake demo``.

``data/`` contains one NDJSON file per record type, because a request contains records of one
``_type`` only. About two hundred records cover four months (June to October 2026) of Rosterfinch,
an invented shift planner for clinics: chats, tickets, calls, emails, notes, documents and sheets
of its customers. Eight lines break the contract on purpose and three records arrive twice, so that
the demo shows rejected records and the replacement of an earlier version. ``data/README.md`` lists
the people, the themes, and the rejected lines with their reasons.

Records have ``$PRODUCT`` and ``$PROJECT`` in place of ids;
:func:`everlake.demo.samples.sample_requests` replaces them.
"""
