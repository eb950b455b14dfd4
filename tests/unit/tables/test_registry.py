import msgspec
import pytest

from everlake.lake.arrivals import ARRIVALS
from everlake.lake.derived_tables import DERIVED_TABLES
from everlake.lake.records import RECORDS
from everlake.lake.utterances import UTTERANCES
from everlake.tables.columns import TEXT, column, schema
from everlake.tables.registry import Registry
from everlake.tables.spec import Source, TableSpec, WriteMode


def test_tables_are_found_by_name_and_listed_in_lock_order() -> None:
    assert DERIVED_TABLES.names == ("records", "arrivals", "utterances")
    assert DERIVED_TABLES["arrivals"] is ARRIVALS
    assert [table.spec for table in DERIVED_TABLES] == list(DERIVED_TABLES.specs)
    with pytest.raises(KeyError):
        DERIVED_TABLES["signals"]


def test_tables_are_told_apart_by_when_their_rows_must_exist() -> None:
    assert DERIVED_TABLES.landed == (RECORDS, ARRIVALS)
    assert DERIVED_TABLES.analysed == (UTTERANCES,)
    assert DERIVED_TABLES.arrivals == (ARRIVALS,)


def test_a_name_is_used_once() -> None:
    with pytest.raises(ValueError, match="called records"):
        Registry([RECORDS, msgspec.structs.replace(RECORDS)])


@pytest.mark.parametrize("missing", ["version", "batch_id", "ordinal", "text", "analysis_version"])
def test_a_table_has_the_columns_of_its_identity_key_and_indexes(missing: str) -> None:
    columns = [one for one in UTTERANCES.spec.schema if one.name != missing]
    spec = msgspec.structs.replace(UTTERANCES.spec, schema=schema(columns))
    with pytest.raises(ValueError, match=f"utterances needs the columns {missing}"):
        Registry([msgspec.structs.replace(UTTERANCES, spec=spec)])


@pytest.mark.parametrize(
    ("source", "version"), [(Source.ANALYSIS, None), (Source.ARCHIVE, 1), (Source.ARCHIVE, 0)]
)
def test_a_table_has_an_analysis_version_exactly_if_an_analysis_makes_it(
    source: Source, version: int | None
) -> None:
    with pytest.raises(ValueError, match="analysis_version exactly if"):
        TableSpec(
            name="signals",
            schema=schema([column("record_id", TEXT)]),
            key=("record_id",),
            mode=WriteMode.LATEST,
            derived_from=(source,),
            analysis_version=version,
        )


def test_scalar_indexes_are_built_before_full_text_indexes() -> None:
    assert list(UTTERANCES.spec.indexes.items()) == [("record_id", "BTREE"), ("text", "INVERTED")]
