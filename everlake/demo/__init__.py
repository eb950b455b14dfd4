"""Sample conversations about one fictional product, for ``everlake demo``.

``data/`` holds one NDJSON file per record type, because a request may hold only one ``_type``.
About two hundred records tell four months (June to October 2026) of Rosterfinch, an invented
shift planner for clinics: chats, tickets, calls, mails, notes, documents and sheets of its
customers. Eight lines break the contract on purpose, and three records arrive twice, so that
a first look shows refusals and the last arrival winning. ``data/README.md`` says who is who,
which themes run through it, and which lines are refused and why.

Each record names ``$PRODUCT`` and ``$PROJECT`` in place of real ids;
:func:`everlake.demo.samples.sample_requests` fills them in.
"""
