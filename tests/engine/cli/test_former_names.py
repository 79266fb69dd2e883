"""Commands of the lab are still started by the names that they had before."""

from __future__ import annotations

import pytest

from engine.__main__ import main


@pytest.mark.parametrize(
    ("args", "title"),
    [
        (("train", "sight"), "usage: train vision"),
        (("evaluate", "sight"), "usage: evaluate vision"),
        (("evaluate", "words"), "usage: evaluate text"),
    ],
)
def test_a_former_name_starts_the_command_of_today(
    args: tuple[str, str], title: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*args, "--help"]) == 0
    assert capsys.readouterr().out.startswith(title)
