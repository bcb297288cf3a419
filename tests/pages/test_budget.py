"""What pages load stays small, and is served as it stands here: there is no build step."""

from __future__ import annotations

import pytest

from webapp.config import ROOT


@pytest.mark.parametrize(("name", "most"), [("app.css", 30_000), ("app.js", 10_000)])
def test_our_own_style_and_script_keep_to_their_budget(name: str, most: int) -> None:
    assert (ROOT / "static" / name).stat().st_size < most
