"""A version is published once all of it is on disk; a power cut may leave unpublished ones."""

import os
from pathlib import Path

import pytest

from everlake.lake import Lake, LakeDamaged, LakeUnavailable
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.tables.durability import PublishedVersion
from everlake.tables.local_backend import LocalTableBackend
from tests.support.lake_files import workspace_directory
from tests.support.lake_rows import arrived_record, record_id


def table(lake: Lake) -> Path:
    return Path(lake.engine.table("w", RECORDS_TABLE).uri)


def manifests(lake: Lake) -> list[Path]:
    """Files of the versions, newest first."""
    return sorted((table(lake) / "_versions").glob("*.manifest"))


def merged(root: Path, sequences: range) -> Lake:
    """A lake into which a process has merged one record a batch."""
    lake = Lake(LocalTableBackend(root))
    for sequence in sequences:
        lake.records.merge("w", [arrived_record(sequence, sequence)])
    return lake


def cut_the_power(root: Path, versions: int) -> Lake:
    """A lake of three batches, whose last versions were unpublished when the power failed."""
    lake = merged(root, range(1, 4))
    settled = PublishedVersion(table(lake))
    settled.write((settled.read() or 0) - versions)
    return lake


@pytest.mark.parametrize("size", [0, 10])
@pytest.mark.parametrize("versions", [1, 2])
def test_versions_corrupted_by_a_power_cut_are_quarantined_and_written_again(
    tmp_path: Path, size: int, versions: int
) -> None:
    for manifest in manifests(cut_the_power(tmp_path, versions))[:versions]:
        os.truncate(manifest, size)
    after = Lake(LocalTableBackend(tmp_path))
    with pytest.raises(LakeUnavailable, match="when the machine stopped"):
        after.records.count("w")

    for sequence in range(4 - versions, 4):
        after.records.merge("w", [arrived_record(sequence, sequence)])

    assert after.records.count("w") == 3
    assert all(
        Lake(LocalTableBackend(tmp_path)).records.get("w", record_id(one)) for one in range(1, 4)
    )
    assert len(list((table(after) / "_torn").iterdir())) == versions


def test_an_unpublished_version_is_quarantined_even_if_it_looks_intact(tmp_path: Path) -> None:
    # What it names may be torn: an index's files are synced after the version that has them.
    torn = manifests(cut_the_power(tmp_path, 1))[0]
    after = Lake(LocalTableBackend(tmp_path))
    assert after.engine.has_unpublished_versions("w")

    after.engine.repair("w")

    assert not torn.exists()
    assert after.records.count("w") == 2
    after.records.merge("w", [arrived_record(3, 3)])
    assert after.records.count("w") == 3


def test_a_reader_of_a_quarantined_version_sees_the_one_that_replaces_it(tmp_path: Path) -> None:
    reader = merged(tmp_path, range(1, 4))
    assert reader.records.get("w", record_id(3)) is not None
    cut_the_power(tmp_path, 1)

    merged(tmp_path, range(4, 5))

    assert reader.records.get("w", record_id(3)) is None
    assert reader.records.get("w", record_id(4)) is not None
    assert reader.records.count("w") == 3


def test_a_published_version_that_is_lost_is_damage(tmp_path: Path) -> None:
    """Its batches are reported as landed, so reading an earlier version would lose records."""
    lake = merged(tmp_path, range(1, 4))
    os.truncate(manifests(lake)[0], 0)
    after = Lake(LocalTableBackend(tmp_path))

    with pytest.raises(LakeDamaged):
        after.records.count("w")
    with pytest.raises(LakeDamaged):
        after.records.merge("w", [arrived_record(4, 4)])
    assert not after.engine.has_unpublished_versions("w")


def test_there_is_nothing_to_repair_after_complete_writes(tmp_path: Path) -> None:
    lake = merged(tmp_path, range(1, 4))
    lake.engine.maintain("w")
    before = manifests(lake)

    assert not Lake(LocalTableBackend(tmp_path)).engine.has_unpublished_versions("w")
    Lake(LocalTableBackend(tmp_path)).engine.repair("w")

    assert manifests(lake) == before


def test_a_table_whose_creation_was_cut_off_is_unavailable_until_repaired(tmp_path: Path) -> None:
    lake = merged(tmp_path, range(1, 2))
    for path in (table(lake) / "_settled", *(table(lake) / "data").iterdir()):
        path.unlink()
    for manifest in manifests(lake)[:-1]:
        manifest.unlink()
    os.truncate(manifests(lake)[0], 0)
    after = Lake(LocalTableBackend(tmp_path))
    with pytest.raises(LakeUnavailable, match="when the machine stopped"):
        after.records.count("w")

    after.records.merge("w", [arrived_record(1, 1)])

    assert after.records.count("w") == 1


def test_the_file_of_the_published_version_may_be_damaged_itself(tmp_path: Path) -> None:
    lake = merged(tmp_path, range(1, 4))
    (table(lake) / "_settled").write_text("x")

    for call in (
        Lake(LocalTableBackend(tmp_path)).engine.has_unpublished_versions,
        Lake(LocalTableBackend(tmp_path)).engine.repair,
    ):
        with pytest.raises(LakeUnavailable, match="everlake lake rebuild --workspace w"):
            call("w")
    with pytest.raises(LakeUnavailable, match="holds no number"):
        Lake(LocalTableBackend(tmp_path)).records.merge("w", [arrived_record(4, 4)])


def test_a_workspace_without_tables_has_no_unpublished_versions(tmp_path: Path) -> None:
    assert not Lake(LocalTableBackend(tmp_path)).engine.has_unpublished_versions("w")
    Lake(LocalTableBackend(tmp_path)).engine.repair("w")
    assert not (tmp_path / "lake").exists()


def test_tables_of_a_release_that_published_nothing_are_read_and_published(tmp_path: Path) -> None:
    lake = merged(tmp_path, range(1, 4))
    for settled in workspace_directory(lake).glob("*/_settled"):
        settled.unlink()
    after = Lake(LocalTableBackend(tmp_path))
    assert not after.engine.has_unpublished_versions("w")
    assert after.records.count("w") == 3

    after.records.merge("w", [arrived_record(4, 4)])

    assert after.records.count("w") == 4
    assert (table(lake) / "_settled").exists()
