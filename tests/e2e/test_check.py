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


def test_input_that_is_not_there_does_not_pass(millrace, archive):
    done = millrace("check", "c.yaml", "-s", "input.files=later/*.h5", check=False, cwd=archive)
    assert done.returncode == 3 and "no file matches later/*.h5" in done.stderr and not done.stdout
    (archive / "junk").mkdir(exist_ok=True)
    (archive / "junk" / "a.h5").write_text("no HDF5")
    done = millrace("check", "c.yaml", "-s", "input.files=junk", check=False, cwd=archive)
    assert done.returncode == 3 and "junk/a.h5 cannot be used: not an HDF5 file" in done.stderr and not done.stdout
    done = millrace("check", "c.yaml", "-s", "input.dataset=Nope*", check=False, cwd=archive)
    assert done.returncode == 3 and "Nope*" in done.stderr.split("cannot be used: ")[1]


@pytest.mark.parametrize("fact,words", [("rate: 500", "rate: '500' has no unit"), ("start: yesterday", "start: "),
                                        ("spacing: 10", "spacing: '10' has no unit")])
def test_a_fact_of_the_map_is_named(millrace, archive, fact, words):
    done = millrace("check", "c.yaml", "-s", f"input.map={{{fact}}}", check=False, cwd=archive)
    assert done.returncode == 2 and "map: " + words in done.stderr


def test_a_value_alone_is_that_of_the_first_parameter(millrace, archive):
    (archive / "short.yaml").write_text("input: {files: in/*.h5, time: 2026-01-01}\nchain:\n"
                                        "  - bandpass: 1..45 Hz\n  - decimate: 5\noutput: {folder: out}\n")
    assert millrace("check", "short.yaml", cwd=archive).stdout == "short.yaml: ok\n"
    for setting in ("chain.decimate=5", "chain.decimate.kind=fir", "chain.bandpass.order=2"):
        millrace("check", "short.yaml", "-s", setting, cwd=archive)
    done = millrace("check", "short.yaml", "-s", "chain.bandpass=1..300 Hz", check=False, cwd=archive)
    assert done.returncode == 2 and "250 Hz" in done.stderr


@pytest.mark.parametrize("setting,words", [
    ("chain.bandpass.band=[1, 30]", ["-s:1:21", "1..30 Hz?"]), ("chain.bandpass.band=1-30 Hz", ["1..30 Hz?"]),
    ("chain.bandpass.band=1 to 30 Hz", ["1..30 Hz?"]), ("run.memory=2GB", ["2 GiB?"]),
    ("run.threads=4", ["OMP_NUM_THREADS"]), ("run.ranks=4", ["mpirun -n"]),
    ("output.folder=$OUT/a", ["${OUT}"]), ("output.folder=.", ["working directory", "out/NAME"])])
def test_what_was_meant_is_said_and_of_which_setting(millrace, archive, setting, words):
    done = millrace("check", "c.yaml", "-s", "run.io_threads=2", "-s", setting, check=False, cwd=archive)
    assert done.returncode == 2 and all(w in done.stderr for w in words), done.stderr
    assert f"(in -s {setting})" in done.stderr


def test_a_recording_is_no_config_and_a_setting_has_an_equals_sign(millrace, archive):
    data = sorted((archive / "in").glob("*.h5"))[0]
    done = millrace("run", data, check=False, cwd=archive)
    assert done.returncode == 2 and "HDF5" in done.stderr and "input: {files:" in done.stderr
    done = millrace("run", "c.yaml", "-s", "output.title", "4", check=False, cwd=archive)
    assert done.returncode == 2 and "write -s output.title=4" in done.stderr


@pytest.mark.parametrize("setting,word", [("input.files=nowhere.h5", "nowhere.h5"),
                                          ("output.folder=in", "output.folder")])
def test_what_a_run_would_refuse_is_refused(millrace, archive, setting, word):
    done = millrace("check", "c.yaml", "-s", setting, check=False, cwd=archive)
    assert done.returncode == 2 and word in done.stderr and not done.stdout
