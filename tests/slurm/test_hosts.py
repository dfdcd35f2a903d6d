"""Several hosts under plain mpirun, over TCP: the same bytes, lanes shared out, and a lost host."""
import time

import pytest

import rig
from promises import figure

KEEPALIVE = ["--mca", "oob_tcp_keepalive_time", "10", "--mca", "oob_tcp_keepalive_intvl", "2", "--mca",
             "oob_tcp_keepalive_probes", "4"]  # as jobs/millrace.sh sets them: 18 s


@pytest.mark.parametrize("where", [[1, 2], [1, 2, 3]])
def test_hosts_give_the_same_bytes(hosts, job, slow, where):
    """Each host sees its own ranks as a node; lanes go to whoever is free."""
    cfg, out, want = job
    proc = hosts.mpirun(where, 2, "run", cfg, **slow(4))
    _, err = proc.communicate(timeout=60)
    assert proc.returncode == 0, err
    assert rig.digests(out) == want
    launch = rig.report(out)["launch"]
    assert launch["ranks"] == 2 * len(where) and launch["nodes"] == len(where)
    assert launch["lane_server"] is True


def test_unequal_nodes_are_counted(hosts, job):
    """Three ranks here, one there: two nodes, whatever ranks over ranks of this node would be."""
    cfg, out, want = job
    proc = hosts.mpirun([1, 2], 3, "run", cfg, ranks=4)
    _, err = proc.communicate(timeout=60)
    assert proc.returncode == 0, err
    launch = rig.report(out)["launch"]
    assert (launch["ranks"], launch["nodes"]) == (4, 2) and rig.digests(out) == want


def test_usr1_to_mpirun_reaches_all_hosts(hosts, job, slow):
    cfg, out, want = job
    proc = hosts.mpirun([1, 2], 2, "run", cfg, **slow(0.5))
    rig.wait_for(lambda: rig.lanes(out), "lane")
    rig.kill([launcher(proc)], rig.signal.SIGUSR1)
    _, err = proc.communicate(timeout=30)
    assert proc.returncode == 75 and "run the same command again" in err
    rig.sound(out, want)
    proc = hosts.mpirun([1, 2], 2, "run", cfg)
    assert proc.wait(timeout=60) == 0 and rig.digests(out) == want


def launcher(proc):
    """mpirun itself: hosts.sh has become nsenter, whose child it is."""
    found = [p for p in rig.children(proc.pid) if rig.name_of(p) == "mpirun"]
    return rig.wait_for(lambda: found, "mpirun")[0]


def test_a_cut_cable_ends_the_run_soon_and_a_rerun_goes_on(hosts, job, slow):
    cfg, out, want = job
    proc = hosts.mpirun([1, 2], 2, "run", cfg, options=KEEPALIVE, **slow(0.2))
    rig.wait_for(lambda: rig.lanes(out), "lane", 30)
    cut_at = time.monotonic()
    hosts.cut(2)
    try:
        _, err = proc.communicate(timeout=60)
        took = time.monotonic() - cut_at
    finally:
        hosts.heal(2)
    assert proc.returncode not in (0, 10), err
    assert took < 30
    assert "run the same command again" in err, err
    rig.sound(out, want)
    kept = len(rig.lanes(out))
    proc = hosts.mpirun([1, 2], 2, "run", cfg)
    _, err = proc.communicate(timeout=60)
    assert proc.returncode == 0, err
    assert rig.digests(out) == want and rig.report(out)["work"]["lanes_known"] >= kept > 0
    figure("a cut cable between hosts ends the run with a hint, rerun same bytes", 1, 1, f"{took:.0f} s, 30 s allowed")
