"""Operators from shared objects: configs/plugin/teager.c as people would compile it, and bad ones, each
refused by its name and reason."""
import shutil
import subprocess

import numpy as np
import pytest

import rig

RATE, NC = 100, 12
SOURCE = rig.ROOT / "configs" / "plugin" / "teager.c"


def compiled(folder, source, name="teager.so", *flags):
    cc = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    if not cc:
        pytest.skip("no C compiler for a plug-in")
    path = folder / source if isinstance(source, str) else source
    if isinstance(source, str):
        path = folder / f"{name}.c"
        path.write_text(source)
    so = folder / name
    subprocess.run([cc, "-O2", "-shared", "-fPIC", "-Werror", "-Wall", f"-I{rig.ROOT / 'src'}", *flags, path,
                    "-o", so], check=True)
    return so


@pytest.fixture(scope="module")
def teager(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("plugin"), SOURCE)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    top = tmp_path_factory.mktemp("recorded")
    x = rig.noise(15000, NC)
    rig.archive(top / "in", x, RATE, 1700, rig.T0 + 13 * rig.S)
    return top, x.astype(float)


def config(top, tmp_path, plugin, chain=("teager: {lag: 30 ms}",)):
    cfg = rig.config(tmp_path / "c.yaml", [top / "in"], list(chain), tmp_path / "out")
    cfg.write_text(cfg.read_text() + (f'plugin: "{plugin}"\n' if plugin else ""))
    return cfg


def energy(x, lag):
    t = np.arange(len(x))
    return x ** 2 - x[np.maximum(t - lag, 0)] * x[np.minimum(t + lag, len(x) - 1)]


def test_it_runs_like_any_other(recorded, teager, tmp_path):
    top, x = recorded
    cfg = config(top, tmp_path, teager, ["teager: {lag: 30 ms}", "abs"])
    assert "lanes:" in rig.run("plan", cfg, status=0).stdout
    want = None
    for ranks, threads in ((0, 1), (0, 2), (2, 2)):
        rig.fresh(tmp_path / "out")
        rig.run("run", cfg, status=0, ranks=ranks, threads=threads)
        rig.run("verify", tmp_path / "out", status=0)
        assert want is None or rig.digests(tmp_path / "out") == want
        want = rig.digests(tmp_path / "out")
    (t, y), = rig.output(tmp_path / "out")
    rig.near(y, np.abs(energy(x, 3)))
    (tmp_path / "out" / "lanes").rename(tmp_path / "gone")  # begun anew, from what is kept
    rig.run("run", cfg, status=0)
    assert rig.digests(tmp_path / "out") == want


def test_it_is_listed_and_tried(teager):
    env = dict(MILLRACE_PLUGINS=str(teager))
    assert f"({teager})" in rig.run("ops", status=0, **env).stdout
    page = rig.run("ops", "teager", status=0, **env).stdout
    assert "distance of the samples" in page and str(teager) in page
    tried = rig.run("ops", "teager", "--try", status=0, **env).stdout
    assert tried.count("\n") > 3 and all(line.startswith("ok ") for line in tried.splitlines())
    assert "no operator" in rig.run("ops", "teager", status=2).stderr


def test_another_build_of_it_does_its_lanes_anew(recorded, teager, tmp_path):
    top, x = recorded
    mine = tmp_path / "mine.so"
    shutil.copy2(teager, mine)
    cfg = config(top, tmp_path, mine)
    rig.run("run", cfg, status=0)
    before = rig.digests(tmp_path / "out")
    assert "redone" in rig.run("run", cfg, status=0).stdout and rig.digests(tmp_path / "out") == before
    text = SOURCE.read_text().replace("x[c] * x[c] -", "2 * x[c] * x[c] -")
    compiled(tmp_path, text, "mine.so")
    rig.run("run", cfg, status=0)
    (_, y), = rig.output(tmp_path / "out")
    rig.near(y, energy(x, 3) + x ** 2)


LIAR = SOURCE.read_text().replace("needs->before = needs->after = s->lag;", "needs->after = s->lag;") \
    .replace("MR_MAX(m - lag, p->span.a)", "MR_MAX(m - lag, p->x0)")


def test_one_that_says_less_than_it_looks_at_is_found_out(tmp_path):
    so = compiled(tmp_path, LIAR)
    done = rig.run("ops", "teager", "--try", status=7, MILLRACE_PLUGINS=str(so))
    assert "WRONG" in done.stdout and "differs by" in done.stdout and "do not hold" in done.stderr


@pytest.mark.parametrize("what,source,says", [
    ("no symbol", "int nothing;\n", "has no symbol millrace_plugin"),
    ("another version", '#include "millrace/op.h"\nextern const mr_plugin millrace_plugin;\n'
     "const mr_plugin millrace_plugin = {99, sizeof(mr_op), sizeof(mr_needs), sizeof(mr_geom), {0}};\n",
     "version 99"),
    ("version before", '#include "millrace/op.h"\nextern const mr_plugin millrace_plugin;\nconst mr_plugin millrace_plugin = '
     "{MR_PLUGIN_ABI - 1, sizeof(mr_op), sizeof(mr_needs), sizeof(mr_geom), {0}};\n", "compile it with this millrace's headers"),
    ("two kinds", SOURCE.read_text().replace(".map = teager_map", ".map = teager_map, .join = &(const mr_joiner){0}"),
     "operator teager is several kinds at once"),
    ("half a fold", SOURCE.read_text().replace(".map = teager_map", ".fold = &(const mr_reducer){0}").replace(
        "static void teager_map", "void teager_map(const void *, const mr_piece *);\nvoid teager_map"),
     "operator teager is not complete: it lacks take and give of fold"),
    ("other headers", '#include "millrace/op.h"\nextern const mr_plugin millrace_plugin;\n'
     "const mr_plugin millrace_plugin = {MR_PLUGIN_ABI, 8, sizeof(mr_needs), sizeof(mr_geom), {0}};\n",
     "compile it anew"),
    ("empty", '#include "millrace/op.h"\nMR_PLUGIN(NULL);\n', "brings no operators"),
    ("taken", SOURCE.read_text().replace('"teager"', '"abs"'), "there is an operator abs already"),
    ("not complete", SOURCE.read_text().replace(".map = teager_map", ".map = NULL").replace(
        "static void teager_map", "void teager_map(const void *, const mr_piece *);\nvoid teager_map"),
     "operator teager is not complete: it lacks one of map, fold, pick, join and compound"),
    ("not found out there", "extern int mr_nowhere(void);\nint mr_user(void);\nint mr_user(void) { return mr_nowhere(); }\n",
     "mr_nowhere"),
], ids=lambda v: v if " " in v and len(v) < 25 else "")
def test_bad_ones_are_refused_by_name(recorded, tmp_path, what, source, says):
    top, _ = recorded
    so = compiled(tmp_path, source, "bad.so")
    for done in (rig.run("plan", config(top, tmp_path, so), status=2),
                 rig.run("ops", status=2, MILLRACE_PLUGINS=str(so))):
        assert "bad.so" in done.stderr and says in done.stderr, done.stderr
    assert "c.yaml:" in rig.run("check", config(top, tmp_path, so), status=2).stderr


def test_what_is_no_plugin_is_refused_by_name(recorded, tmp_path):
    top, _ = recorded
    text = tmp_path / "text.so"
    text.write_text("no library\n")
    for path, says in ((text, "cannot be loaded"), (tmp_path / "absent.so", "absent.so")):
        done = rig.run("run", config(top, tmp_path, path), status=2, ranks=2)
        assert says in done.stderr and str(path) in done.stderr
    assert not (tmp_path / "out").exists()


# --- programs and plug-ins outside of the tree

@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """make install into a folder of its own."""
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(["make", "-s", f"B={rig.BINARY.parent}", f"PREFIX={prefix}", "install"], cwd=rig.ROOT,
                   check=True, capture_output=True, timeout=600)
    return prefix


def flags(prefix, what):
    if not shutil.which("pkg-config"):
        pytest.skip("no pkg-config")
    return subprocess.run(["pkg-config", what, "millrace"], check=True, text=True, capture_output=True,
                          env=dict(rig.environment(), PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig")).stdout.split()


def test_only_the_public_pages_are_installed(installed):
    got = {str(p.relative_to(installed / "include")) for p in (installed / "include").rglob("*.h")}
    assert got == {f"millrace/{p.name}" for p in (rig.ROOT / "src" / "millrace").glob("*.h")}
    assert "millrace/op.h" in got and "millrace/millrace.h" in got


def test_a_program_of_ones_own(installed, recorded, tmp_path):
    if not shutil.which("mpicc"):
        pytest.skip("no mpicc")
    top, x = recorded
    source, program = tmp_path / "program.c", tmp_path / "program"
    shutil.copy2(rig.ROOT / "configs" / "plugin" / "program.c", source)
    assert len(source.read_text().splitlines()) <= 40
    subprocess.run(["mpicc", "-Wall", "-Werror", *flags(installed, "--cflags"), source,
                    *flags(installed, "--libs"), "-o", program], check=True)
    cfg = config(top, tmp_path, None, ["halve: {by: 4}"])
    done = subprocess.run([program, cfg], env=rig.environment(), text=True, capture_output=True, timeout=100)
    assert done.returncode == 0 and "3 lanes" in done.stdout, done.stderr
    (_, y), = rig.output(tmp_path / "out")
    rig.near(y, x / 4)
    for launch in ([], [rig.MPIRUN, "-n", "2"]):  # what goes wrong is said once
        bad = subprocess.run([*launch, program, tmp_path / "none.yaml"], env=rig.environment(), text=True,
                             capture_output=True, timeout=100)
        assert bad.returncode == 2 and bad.stderr.count("millrace: ") == 1 and "none.yaml" in bad.stderr, bad.stderr


def test_a_plugin_from_what_is_installed(installed, tmp_path):
    source = tmp_path / "t.c"
    source.write_text(SOURCE.read_text())
    so = tmp_path / "t.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", *flags(installed, "--cflags"), source, "-o", so], check=True)
    done = subprocess.run([installed / "bin" / "millrace", "ops", "teager", "--try"], text=True, capture_output=True,
                          env=rig.environment(MILLRACE_PLUGINS=str(so)), timeout=100)
    assert done.returncode == 0 and done.stdout.count("\n") > 3, done.stderr
    assert all(line.startswith("ok ") for line in done.stdout.splitlines())
