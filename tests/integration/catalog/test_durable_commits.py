"""Commits on PostgreSQL whose default is not to wait for the disk."""

import psycopg
from sqlalchemy import text

from everlake.catalog.opening import open_catalog
from tests.support.postgres import PostgresServer


def test_a_commit_waits_for_the_disk_whatever_the_default(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.new_database()
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    catalog = open_catalog(url)

    with catalog.transaction() as tx:
        assert tx.execute(text("SHOW synchronous_commit")).scalar_one() == "on"

    catalog.close()
