"""`millrace ops` and `millrace help`: what they say is what the config's parser accepts."""
import json
import re

import pytest

import rig
from conftest import passes_but_for_input

NAMES = """detrend demean common_mode taper bandpass bandstop lowpass highpass notch decimate resample
scale units clip abs rms integrate differentiate""".split()


EVERYDAY = {  # what notebooks have: parameters, and words of `kind` or `from`
    "envelope": "above", "instantaneous": "above kind=phase,frequency", "kurtosis": "window step", "despike": "threshold",
    "rolling": "window step kind=mean,std,min,max,median,rms,sum", "median": "time channel", "agc": "window",
    "hampel": "time channel threshold", "savgol": "window order derivative", "channel_stack": "n step",
    "normalise": "window kind=onebit,max,l2,z,ram", "channel_decimate": "factor", "align": "drift",
    "common_mode": "group kind=mean,median", "strain": "gauge from=phase,velocity,strain_rate", "resample": "rate",
    "fbe": "bands", "spectrogram": "segment step", "fill": "up_to kind=zero,linear", "interpolate": "channels",
    "fk": "velocity band edge direction", "trigger": "on off min_length max_length",
    "coincidence": "channels within velocity"}


@pytest.fixture(scope="module")
def table(millrace):
    return {op["name"]: op for op in json.loads(millrace("ops", "--json").stdout)["operators"]}


@pytest.fixture
def check(millrace, tmp_path):
    """Check a config with this one operator."""

    def run(name, settings):
        (tmp_path / "c.yaml").write_text(f"input: {{files: x*.h5}}\nchain:\n  - {name}: {{{settings}}}\n"
                                         "output: {folder: out}\n")
        done = millrace("check", "c.yaml", check=False, cwd=tmp_path)
        if passes_but_for_input(done):
            done.returncode = 0
        return done

    return run


def test_every_operator_is_listed_with_one_line(millrace, table):
    assert set(NAMES) <= set(table)
    lines = millrace("ops").stdout.splitlines()
    for name, op in table.items():
        assert any(line.split() and line.split()[0] == name and op["doc"] in line for line in lines)


def test_the_everyday_ones_are_there_with_all_their_kinds(table):
    for name, words in EVERYDAY.items():
        have = {p["name"]: p["values"] for p in table[name]["parameters"]}
        for word in words.split():
            key, _, values = word.partition("=")
            assert key in have and set(values.split(",")) - {""} <= set(have[key]), (name, word)


def test_every_page_says_what_it_looks_at_and_gives(millrace, table):
    """Context, coupling, product, what NaN does: of the bound example."""
    for name, op in table.items():
        page = millrace("ops", name).stdout
        for key in ("looks_at", "channels", "gives", "nan"):
            assert op[key] and "not known" not in op[key] and op[key] in page, (name, key)
    assert table["fk"]["channels"] == "all of the array" and table["median"]["channels"] == "with 1 below and 1 above"
    assert table["psd"]["gives"] == "rows [time][frequency][channel], one each 10 s"
    assert table["decimate"]["looks_at"] == "0.5 s before, 0.5 s after"  # 20 * 5 + 1 taps at 100 Hz
    assert table["decimate"]["gives"] == "samples, 20 Hz of 100" and table["trigger"]["gives"] == "a table of picks"
    assert table["strain"]["gives"] == "samples, 42 channels of 45" and "is filled" in table["fill"]["nan"].replace("are", "is")


def test_the_readmes_table_is_what_the_program_prints(millrace):
    page = millrace("ops", "--markdown").stdout.splitlines()
    rows = [line for line in page[:page.index("## detrend")] if line.startswith("|")]
    text = (rig.ROOT / "README.md").read_text().splitlines()
    begin = text.index(rows[0])
    assert text[begin:begin + len(rows)] == rows and not text[begin + len(rows)].startswith("|")
    assert len(rows) == 2 + len([line for line in millrace("ops").stdout.splitlines() if line.startswith("  ")])


def test_every_parameter_has_a_page_entry(millrace, table):
    for name, op in table.items():
        page = millrace("ops", name).stdout
        assert page == millrace("help", name).stdout or name == "units"  # also a topic
        assert op["reference"] and op["reference"] in page
        for p in op["parameters"]:
            assert p["doc"] and p["doc"] in page and p["name"] in page


def test_examples_and_defaults_pass_check(check, table):
    for name, op in table.items():
        done = check(name, op["example"])
        assert done.returncode == 0, done.stderr
        given = {part.split(":")[0].strip() for part in op["example"].split(",")}
        rest = [f"{p['name']}: {p['default']}" for p in op["parameters"]
                if p["default"] and p["name"] not in given and p["kind"] != "text"]
        if name != "integrate":  # above and window exclude each other
            done = check(name, ", ".join([op["example"]] * bool(op["example"]) + rest))
            assert done.returncode == 0, done.stderr


def test_required_parameters_are_required(check, table):
    for name, op in table.items():
        for p in op["parameters"]:
            if p["required"]:
                done = check(name, "")
                assert done.returncode == 2 and "is needed" in done.stderr
                break


def test_stated_range_is_the_one_that_is_checked(check, table):
    corner = next(p for p in table["lowpass"]["parameters"] if p["name"] == "corner")
    assert corner["unit"] == "Hz" and corner["required"]
    assert check("lowpass", f"corner: {corner['max']} Hz").returncode == 0
    done = check("lowpass", f"corner: {corner['max'] * 1.01} Hz")
    assert done.returncode == 2 and "outside" in done.stderr


def test_markdown_has_a_table_of_equal_columns(millrace, table):
    text = millrace("ops", "--markdown").stdout
    for name in table:
        assert f"## {name}\n" in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == len(table) + sum(len(op["parameters"]) for op in table.values())
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)


@pytest.mark.parametrize("args,word", [(("ops", "bandpas"), "did you mean bandpass?"),
                                       (("ops", "xyzzy"), "millrace ops"),
                                       (("help", "statusses"), "did you mean statuses?"),
                                       (("help", "inspec"), "did you mean inspect?"),
                                       (("help", "highpas"), "did you mean highpass?"),
                                       (("help", "a", "b"), "one name"),
                                       (("inspekt", "x"), "did you mean inspect")])
def test_nearest_name_is_offered(millrace, args, word):
    done = millrace(*args, check=False)
    assert done.returncode == 2 and word in done.stderr and not done.stdout


def test_help_lists_every_page_and_each_is_there(millrace):
    listing = millrace("help").stdout
    commands = re.findall(r"^  millrace (\w+) ", listing, re.M)
    assert {"run", "plan", "check", "inspect", "ops", "synth", "view", "verify"} <= set(commands)
    for name in [c for c in commands if c != "help"] + ["config", "units", "layouts", "output", "statuses"]:
        assert re.search(rf"^  (millrace )?{name} ", listing, re.M)
        assert len(millrace("help", name).stdout) > 80, name


def test_help_config_is_a_config(millrace, tmp_path):
    page = millrace("help", "config").stdout
    (tmp_path / "c.yaml").write_text(page)
    assert passes_but_for_input(millrace("check", "c.yaml", check=False, cwd=tmp_path))


@pytest.mark.parametrize("without", ["channels", "distance"])  # they exclude each other
def test_every_setting_of_help_config_is_one(millrace, tmp_path, without):
    page = millrace("help", "config").stdout
    page = re.sub(r"^(\s*)# (\s*)(?=[a-z_]+:( |$))", r"\1\2", page, flags=re.M)
    left_out = (f"  {without}:", "plugin:")  # the latter names a file of one's own
    page = "\n".join(line for line in page.splitlines() if not line.startswith(left_out))
    (tmp_path / "c.yaml").write_text(page)
    (tmp_path / "channels.csv").write_text("channel,distance\n0,0\n")
    assert passes_but_for_input(millrace("check", "c.yaml", check=False, cwd=tmp_path))
    for key in ("map", "geometry", "time", "title", "compress", "memory"):
        assert re.search(rf"^\s+{key}:", page, re.M)


def test_every_status_is_explained(millrace):
    page = millrace("help", "statuses").stdout
    for status in (0, 2, 3, 4, 5, 6, 7, 10, 70, 75):
        assert re.search(rf"^ +{status}  \w", page, re.M)
