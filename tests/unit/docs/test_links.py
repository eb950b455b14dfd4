import re
from pathlib import Path

import pytest

from tests.support.documentation import ROOT, anchors, pages, prose, read_page

PAGES = pages()
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def links(page: Path) -> list[str]:
    """Targets inside the project."""
    found = _LINK.findall(prose(read_page(page)))
    return [link for link in found if not _ELSEWHERE.match(link)]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.resolve().is_relative_to(ROOT), f"{link} leads out of the project"
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), f"{link} has no such heading"


def test_every_page_of_the_documentation_can_be_reached_from_its_index() -> None:
    start = ROOT / "docs" / "index.md"
    seen = {start}
    waiting = [start]
    while waiting:
        page = waiting.pop()
        for link in links(page.relative_to(ROOT)):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in seen:
                seen.add(target)
                waiting.append(target)
    assert set((ROOT / "docs").rglob("*.md")) <= seen
