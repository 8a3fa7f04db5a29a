"""A SLURM cluster of one machine, on loopback, for tests: started in a second, without systemd."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

# Debian's: slurmctld, slurmd, slurm-client, slurm-wlm-basic-plugins, munge.
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))

# A job may use more memory than it asked for until the next look at it, every second. What was requeued
# may start again when its old credential has expired.
CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={place}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd.pid
SlurmctldLogFile={place}/slurmctld.log
SlurmdLogFile={place}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=300
KillWait=5
BatchStartTimeout=5
SlurmctldTimeout=30
SlurmdTimeout=30
OverTimeLimit=0
SchedulerType=sched/builtin
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=64000 State=UNKNOWN
PartitionName=tests Nodes={host} Default=YES MaxTime=INFINITE DefMemPerCPU=500 State=UP
"""


def missing() -> str:
    """Return why no cluster can be started here, or nothing."""
    if os.geteuid():
        return "only root can start a SLURM cluster of its own"
    absent = [program for program in PROGRAMS if not shutil.which(program, path=PLACES)]
    return f"SLURM is not installed: no {', '.join(absent)}" if absent else ""


class Cluster:
    """A context manager: a cluster that `environment` reaches, which ends with all of its jobs."""

    def __init__(self, place: Path, environment: Mapping[str, str], cores: int = 8) -> None:
        self.place = place
        self.host = socket.gethostname().partition(".")[0]
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("munge", "state", "spool", "bin"):
            (place / name).mkdir(parents=True)
        place.chmod(0o755)
        configuration = place / "slurm.conf"
        # Snakemake takes SLURM's variables from its job steps: their srun is told by name.
        srun = place / "bin" / "srun"
        srun.write_text(
            f'#!/bin/sh\nexport SLURM_CONF={configuration}\nexec {shutil.which("srun")} "$@"\n'
        )
        srun.chmod(0o755)
        path = os.pathsep.join((str(place / "bin"), PLACES))
        self.environment = {**environment, "SLURM_CONF": str(configuration), "PATH": path}
        configuration.write_text(
            CONFIGURATION.format(
                host=self.host,
                place=place,
                cores=cores,
                controller_port=_free_port(),
                node_port=_free_port(),
            )
        )

    def __enter__(self) -> Self:
        try:
            self._start_munge()
            self._start("slurmctld", "-D", "-i")
            self.wait("the controller answers", lambda: "UP" in self.run("scontrol", "ping"))
            self.start_node()
        except BaseException:
            self._stop_daemons()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # All jobs, then the daemons: a job's own daemon outlives that of its node.
        self.run("scancel", "--user", "root")
        try:
            left = ("running", "completing", "pending")
            self.wait("no job is left", lambda: not self.jobs(*left), 30)
        finally:
            self._stop_daemons()

    def start_node(self) -> None:
        """Start the daemon of the only node, and wait until it takes jobs."""
        self._start("slurmd", "-D", "-N", self.host)
        ready = ("idle", "mixed", "allocated")
        self.wait("the node is up", lambda: self.run("sinfo", "-h", "-o", "%T").strip() in ready)

    def lose(self, job: str) -> None:
        """Kill a job with the daemons of its steps, and start the node anew, as after a power cut."""
        lost = [
            process
            for process in psutil.process_iter(["cmdline"])
            if f"slurmstepd: [{job}." in " ".join(process.info["cmdline"] or ())
        ]
        lost += [child for process in lost for child in process.children(recursive=True)]
        daemon = self.daemons.pop("slurmd")
        daemon.kill()
        daemon.wait()
        for process in lost:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(lost, timeout=30)
        self.start_node()

    def jobs(self, *states: str, directory: Path | None = None) -> list[str]:
        """Return the numbers of jobs that are in one of the states, and of one working directory."""
        listed = self.run("squeue", "-h", "-o", "%i|%Z", "-t", ",".join(states))
        jobs = [line.split("|", 1) for line in listed.splitlines()]
        return [job for job, place in jobs if directory is None or Path(place) == directory]

    def run(self, *command: str) -> str:
        """Return what a command of SLURM prints; nothing if it fails."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout

    def wait(self, what: str, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                logs = "\n".join(path.read_text()[-2000:] for path in self.place.glob("*.log"))
                raise AssertionError(f"Not within {seconds} s: {what}.\n{logs}")
            time.sleep(0.1)

    def _stop_daemons(self) -> None:
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
            try:
                daemon.wait(15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def _start(self, *command: str) -> None:
        with (self.place / f"{command[0]}.out").open("ab") as output:
            self.daemons[command[0]] = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip

    def _start_munge(self) -> None:
        place = self.place / "munge"
        place.chmod(0o755)
        key = place / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "munged.log"}
        names["seed-file"] = "seed"
        options = (f"--{option}={place / name}" for option, name in names.items())
        self._start("munged", "--foreground", *options)
        socket_option = ("-S", str(place / "socket"))
        self.wait("munge answers", lambda: bool(self.run("munge", "-n", *socket_option)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
