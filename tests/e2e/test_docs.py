"""The pages of the repository: links lead somewhere, configs pass check, commands and code are real."""
import re
import shutil
import subprocess

import h5py
import numpy as np
import pytest

from conftest import passes_but_for_input
from conftest import ROOT

import rig

PAGES = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("*/README.md")])
README = (ROOT / "README.md").read_text()
MAP = (ROOT / "src/README.md").read_text()


def blocks(text, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.M | re.S)


def test_there_are_pages():
    assert {p.relative_to(ROOT).as_posix() for p in PAGES} >= {"README.md", "src/README.md", "data/README.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_pages_stand_alone(page):
    """Every file that is named is there, links included; nothing outside the repository is needed."""
    text = page.read_text()
    assert "../" not in text
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (page.parent / link).exists(), link
    for name in re.findall(r"`((?:src|jobs|configs|tests)/[\w./]+)`", text):
        assert "NAME" in name or (ROOT / name).exists(), name
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 112


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's six minutes, with a third of its channels."""
    top = tmp_path_factory.mktemp("demo")
    rig.run("synth", top / "data" / "demo", "--channels", 120, "--quiet", status=0)
    for config in (ROOT / "configs").glob("*.yaml"):  # archives of their own, by the head of the config
        for line in re.findall(r"^#\s+build/millrace (synth data/.+?)(?:\s{2,}|$)", config.read_text(), re.M):
            rig.run(*line.split(), "--channels", 120, "--files", 4, "--quiet", cwd=top, status=0)
    return top


@pytest.mark.parametrize("config", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_example_configs_give_something_to_look_at(demo, config):
    """No loss, no refused file; nearly all values are there (moving windows begin and end with NaN); a picture can be drawn."""
    rig.run("run", config, cwd=demo, status=0)
    out = demo / re.search(r"folder: (out/\w+)", config.read_text())[1]
    rig.run("verify", out, status=0)
    for path in rig.lanes(out):
        with h5py.File(path) as h:
            if h.attrs.get("product") == "table":
                assert len(h["picks"]) > 5 and (out / "events.csv").read_text().count("\n") >= 2
                continue
            (name,) = (k for k, v in h.items() if isinstance(v, h5py.Dataset) and v.ndim >= 2 and k != "count")
            values = h[name][()]
        assert np.isfinite(values).mean() > 0.9 and np.nanstd(values) > 0, path
    rig.run("view", out, "-o", demo / "x.png", status=0)


def test_map_names_files_and_rooms_that_are_there():
    for name in re.findall(r"`((?:base|grid|par|ops|io|plan|run|report|cli)/[\w.]*)`", MAP):
        assert (ROOT / "src" / name).exists(), name
    rooms = {p.name for p in (ROOT / "src").iterdir() if p.is_dir()}
    assert all(f"| `{room}/` |" in MAP for room in rooms)


def test_every_config_of_the_readme_passes_check(millrace, tmp_path):
    found = blocks(README, "yaml")
    assert found
    for text in found:
        (tmp_path / "c.yaml").write_text(text)
        assert passes_but_for_input(millrace("check", "c.yaml", check=False, cwd=tmp_path))


def test_commands_of_the_readme_are_commands(millrace):
    listing = millrace("help").stdout
    named = {w for text in blocks(README, "sh") for w in re.findall(r"build/millrace (\w+)", text)}
    assert {"inspect", "check", "plan", "run", "view", "verify"} <= named
    for name in named:
        assert re.search(rf"^  millrace {name} ", listing, re.M), name
    targets = (ROOT / "Makefile").read_text()
    for name in re.findall(r"`?make (\w+)(?![\w=])", "\n".join(blocks(README, "sh"))):
        assert re.search(rf"^{name}:", targets, re.M), name


def test_statuses_agree_with_help(millrace):
    page = millrace("help", "statuses").stdout
    told = set(re.findall(r"^\| (\d+) \|", README, re.M))
    assert told == set(re.findall(r"^ +(\d+)  \w", page, re.M))


def test_operator_of_the_readme_compiles(tmp_path):
    cc = shutil.which("cc") or shutil.which("gcc")
    if not cc:
        pytest.skip("no compiler")
    code = next(b for b in blocks(README, "c") if "mr_op_divide" in b)
    (tmp_path / "op.c").write_text(code)
    subprocess.run([cc, "-std=c17", "-D_GNU_SOURCE", "-fsyntax-only", "-Werror", f"-I{ROOT}/src",
                    tmp_path / "op.c"], check=True)


def test_recipes_name_every_config(millrace):
    """And no other."""
    named = set(re.findall(r"\b(\w+\.yaml)\b", millrace("help", "recipes").stdout))
    assert named == {p.name for p in (ROOT / "configs").glob("*.yaml")}
