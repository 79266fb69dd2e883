"""The drop-down of checkpoints in a real browser: one that does not fit is refused, and the editor goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser

from engine.core.checkpoint import CONFIG, WEIGHTS
from engine.diffusion.checkpoint import save_velocity_network
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from tests.app_process import serve
from tests.browser.struck_page import Editor, browse


def save_tiny(folder: Path, width: int = 8, seed: int = 0) -> Path:
    """A network of random weights, small enough to sample at once."""
    torch.manual_seed(seed)
    network = VelocityNetwork(NetworkConfig(channels=(width, 2 * width), blocks=1, embedding=32))
    with torch.no_grad():
        for values in network.parameters():
            values.add_(0.02 * torch.randn_like(values))
    save_velocity_network(folder, network, {})
    return folder


def change_config(folder: Path, **values: object) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **values}))


def fill(folder: Path) -> None:
    """Two good checkpoints, those that must be refused, and models that are no samplers."""
    save_tiny(folder / "sampler", seed=1)
    save_tiny(folder / "second", seed=2)
    truncated = save_tiny(folder / "truncated") / WEIGHTS
    truncated.write_bytes(truncated.read_bytes()[:-1000])
    (save_tiny(folder / "unlabelled") / CONFIG).unlink()
    change_config(save_tiny(folder / "future"), format=99)
    (save_tiny(folder / "pickled") / WEIGHTS).rename(folder / "pickled" / "model.pt")
    other = json.loads((save_tiny(folder / "reshaped", width=16) / CONFIG).read_text())["network"]
    change_config(folder / "reshaped", network={**other, "channels": [24, 48]})
    for kind in ("material", "ddpm"):
        change_config(save_tiny(folder / kind), kind=kind)


@pytest.fixture(scope="module")
def started(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("checkpoints")
    fill(folder / "models")
    with serve(folder / "home", "--ckpt-dir", str(folder / "models")) as address, browse(browser, address) as page:
        yield Editor(page, address)


def test_what_does_not_fit_is_refused_with_its_reason_and_the_editor_goes_on(editor: Editor) -> None:
    page = editor.page
    page.get_by_role("tab", name="Sampler").click()
    choice = page.get_by_label("Checkpoint")
    fits = ["sampler", "second"]
    refused = {
        "future": "is of format 99",
        "pickled": "has no model.safetensors, and model.pt is not opened since such a file can run code",
        "reshaped": r"stem\.weight is 16 x .* and not 24 x ",
        "truncated": "cut short",
        "unlabelled": "has no config.json",
    }
    values = choice.locator("option").evaluate_all("(options) => options.map((option) => option.value)")
    assert sorted(values) == ["", *sorted([*fits, *refused])]  # neither "ddpm" nor "material"

    before = editor.track()
    keys = editor.see("[...window.struck.store.rendered.values()].map((hit) => hit.key)")
    for name, reason in refused.items():
        choice.select_option(name)
        toast = page.locator(".st-toast.is-error", has_text=name)
        toast.wait_for()
        assert re.search(reason, toast.inner_text()), toast.inner_text()
        toast.get_by_role("button").click()
        editor.wait("() => document.querySelector('[aria-label=Checkpoint]').value === 'sampler'")
        assert "does not fit" in choice.locator(f"option[value={name}]").inner_text()
        assert (
            editor.project["render"]["checkpoint"] == "sampler" and editor.see("window.struck.store.view.undo") is None
        )
    assert editor.see("[...window.struck.store.rendered.values()].map((hit) => hit.key)") == keys

    editor.change(lambda: choice.select_option("second"))
    assert choice.input_value() == "second" and not np.array_equal(editor.track(), before)
    editor.change(lambda: choice.select_option("Prior only"))
    assert page.get_by_role("slider", name="Steps", exact=True).is_disabled()
    for _ in range(2):
        editor.change(lambda: page.keyboard.press("Control+z"))
    assert choice.input_value() == "sampler" and np.array_equal(editor.track(), before)


def test_variation_makes_every_hit_a_take_of_its_own(editor: Editor) -> None:
    page = editor.page
    page.get_by_role("tab", name="Sampler").click()
    before = editor.track()
    slider = page.get_by_role("slider", name="Variation")
    slider.focus()
    editor.change(lambda: page.keyboard.press("End"))
    assert editor.project["render"]["variation"] == 1.0
    assert not np.array_equal(editor.track(), before)
    editor.change(lambda: page.keyboard.press("Control+z"))
    assert editor.project["render"]["variation"] == 0.0 and np.array_equal(editor.track(), before)


def test_variation_of_the_project_is_told_where_it_is_what_is_heard(editor: Editor) -> None:
    page = editor.page
    sound_id = editor.project["hits"][0]["sound_id"]
    edit = {"kind": "set_render", "variation": 0.6}
    page.evaluate("(id) => struck.store.select({ soundId: id })", sound_id)
    page.get_by_role("tab", name="Sound", exact=True).click()
    slider, value = (
        page.get_by_role("slider", name="Variation", exact=True),
        page.get_by_role("textbox", name="Variation, value", exact=True),
    )
    assert value.input_value() == "none"
    editor.change(lambda: page.evaluate("(edit) => struck.store.edit(edit)", edit))
    assert value.input_value() == slider.get_attribute("aria-valuetext") == "60 %, of the project"
    assert value.evaluate("(field) => field.scrollWidth <= field.clientWidth")
    heard = editor.track()

    # A value under it is kept and not heard, so that the slider goes back; one over it is heard.
    def own() -> float:
        return next(float(sound["variation"]) for sound in editor.project["sounds"] if sound["id"] == sound_id)

    slider.focus()
    editor.change(lambda: page.keyboard.press("ArrowLeft"))
    assert own() == pytest.approx(0.59) and np.array_equal(editor.track(), heard)
    assert value.input_value() == "60 %, of the project" and slider.input_value() == "60"
    value.fill("80 %")
    editor.change(lambda: value.press("Enter"))
    assert value.input_value() == "80 %" and own() == pytest.approx(0.8) and not np.array_equal(editor.track(), heard)
    editor.change(lambda: page.keyboard.press("Control+z"))

    # So it is in the sheet of takes.
    page.evaluate("() => struck.store.select({ hits: new Set([struck.store.view.project.hits[0].id]) })")
    page.keyboard.press("v")
    sheet = page.get_by_role("dialog", name="Takes")
    told = sheet.get_by_label("Variation of the sound, value")
    assert told.input_value() == "60 %, of the project" and "they differ in their noise" not in sheet.inner_text()
    told.fill("0")
    editor.change(lambda: told.press("Enter"))
    assert told.input_value() == "60 %, of the project"
