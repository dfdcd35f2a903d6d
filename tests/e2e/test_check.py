"""`millrace check`: what a run would refuse is refused, what is unwise is said."""
import pytest


@pytest.fixture(scope="module")
def archive(millrace, tmp_path_factory):
    out = tmp_path_factory.mktemp("check")
    millrace("synth", out / "in", "--files", 1, "--file-length", "10s", "--rate", "500Hz", "--channels", 8,
             "--quiet")
    (out / "c.yaml").write_text("input: {files: in/*.h5}\nchain:\n  - bandpass: {band: 1..45 Hz}\n"
                                "  - decimate: {factor: 5}\noutput: {folder: out}\n")
    return out


def test_good_config_is_ok_without_a_word_or_a_trace(millrace, archive):
    done = millrace("check", "c.yaml", cwd=archive)
    assert done.stdout == "c.yaml: ok\n" and done.stderr == ""
    assert not (archive / "out").exists()


def test_what_depends_on_the_rate_is_refused(millrace, archive):
    done = millrace("check", "c.yaml", "-s", "chain.bandpass.band=1..300 Hz", check=False, cwd=archive)
    assert done.returncode == 2 and "250 Hz" in done.stderr and "c.yaml:3:" in done.stderr


def test_unwise_is_warned_of_and_passes(millrace, archive):
    done = millrace("check", "c.yaml", "-s", "chain.decimate.factor=8", cwd=archive)
    assert "c.yaml: ok, 1 warning" in done.stdout
    assert "warning: c.yaml:4:5: decimate to 62.5 Hz" in done.stderr
    planned = millrace("plan", "c.yaml", "-s", "chain.decimate.factor=8", cwd=archive)
    assert "warning: c.yaml:4:5: decimate to 62.5 Hz" in planned.stderr


def test_no_input_yet_is_no_error(millrace, archive):
    done = millrace("check", "c.yaml", "-s", "input.files=later/*.h5", cwd=archive)
    assert "ok" in done.stdout and "not checked" in done.stderr


@pytest.mark.parametrize("setting,word", [("input.files=nowhere.h5", "nowhere.h5"),
                                          ("output.folder=in", "output.folder")])
def test_what_a_run_would_refuse_is_refused(millrace, archive, setting, word):
    done = millrace("check", "c.yaml", "-s", setting, check=False, cwd=archive)
    assert done.returncode == 2 and word in done.stderr and not done.stdout
