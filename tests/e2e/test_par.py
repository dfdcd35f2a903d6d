"""par/ over ranks: the unit tests of the communicator and the lane server under mpirun, and what counts
as a launch."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / os.environ.get("B", "build") / "tests"
MPIRUN = os.environ.get("MPIRUN", "mpirun")
pytestmark = pytest.mark.skipif(not shutil.which(MPIRUN), reason=f"no {MPIRUN}")


def run(command, **more):
    env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
               OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none",
               PRTE_MCA_rmaps_default_mapping_policy=":oversubscribe", PRTE_MCA_hwloc_default_binding_policy="none",
               **more)
    return subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True,
                          timeout=60)


def binary(name):
    path = TESTS / name
    if not path.exists():
        pytest.skip(f"{path} is not built (make unitbin)")
    return path


@pytest.mark.parametrize("threads", ["multiple", "funneled"])
@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["test_comm", "test_server", "test_map_ranks", "test_survey"])
def test_ranks(name, ranks, threads):
    done = run([MPIRUN, "-n", ranks, binary(name)], MILLRACE_MPI_THREADS=threads)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Running" in done.stdout  # something ran; only rank 0 prints
    assert done.stdout.count("Running") == 1


@pytest.mark.parametrize("env", [{}, {"SLURM_PROCID": "0", "SLURM_JOB_ID": "1", "SLURM_NTASKS": "4"}])
def test_no_launcher_is_a_world_of_one(env):
    """A shell inside an allocation has SLURM_ variables, but nobody launched us."""
    done = run([binary("test_comm")], **env)
    assert done.returncode == 0, done.stdout + done.stderr


def test_srun_without_mpi_is_pointed_out():
    done = run([binary("test_comm")], SLURM_PROCID="1", SLURM_STEP_ID="0", SLURM_STEP_NUM_TASKS="4")
    assert "srun --mpi=pmix" in done.stderr
