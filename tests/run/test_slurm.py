"""The scripts for SLURM, run for real by stand-ins of `sbatch` and `srun`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from run_cases import Cli, record, write

from groundeval.errors import UsageError
from groundeval.run.slurm import Cluster, slurm_scripts

FLAGS = ("--backend", "replay", "--tasks", "asqa", "--nli", "lexical", "--quiet")
SBATCH = """#!/bin/bash
# Runs a job at once; an array part by part. Prints the job's number.
set -e
for word in "$@"; do
  case $word in --array=*) range=${word#--array=};; --dependency=*) echo "$word" >> "$CALLS";; esac
done
script="${@: -1}"
range=${range:-$(sed -n 's/^#SBATCH --array=//p' "$script")}
case $range in
  "") bash "$script" >&2;;
  *-*) for part in $(seq ${range%-*} ${range#*-}); do SLURM_ARRAY_TASK_ID=$part bash "$script" >&2; done;;
  *) for part in ${range//,/ }; do SLURM_ARRAY_TASK_ID=$part bash "$script" >&2; done;;
esac
echo "17;cluster"
"""
SRUN = '#!/bin/bash\nwhile [[ $1 == --* ]]; do echo "$1" >> "$CALLS"; shift; done\nexec "$@"\n'


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with `sbatch`, `srun` and `groundeval` on its path."""
    tools = {"sbatch": SBATCH, "srun": SRUN, "groundeval": f'#!/bin/bash\nexec {sys.executable} -m groundeval "$@"\n'}
    (tmp_path / "bin").mkdir()
    for name, text in tools.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls")}


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    outputs = write(tmp_path / "it's data.json", [record(number, id=f"q{number}") for number in range(7)])
    return [*FLAGS, "--model", str(outputs), "--data", str(outputs)]


def test_the_scripts_give_the_results_of_a_run_in_one_piece(
    cli: Cli, cluster: dict[str, str], flags: list[str], tmp_path: Path
):
    settings = write(
        tmp_path / "c.yaml", 'partition: gpu\ntime: "1:00:00"\nsetup: ["export GREETING=hello"]\ncontainer: img\n'
    )
    folder, out = tmp_path / "jobs", tmp_path / "runs"
    named = ("--shards", "3", "--cluster", settings, "--folder", folder)
    ran = cli("slurm", *named, "--", *flags, "--output-path", out)
    assert ran.code == 0, ran.err
    assert str(folder / "submit.sh") in ran.out
    for again in range(2):
        done = subprocess.run([folder / "submit.sh"], env=cluster, capture_output=True, text=True, cwd="/", check=False)
        assert done.returncode == 0, (again, done.stderr)
    calls = Path(cluster["CALLS"]).read_text()
    assert "--dependency=afterok:17\n" in calls
    assert "--container-image=img\n" in calls
    assert "#SBATCH --partition=gpu\n" in (folder / "generate.sbatch").read_text()
    assert cli("run", *flags, "--output-path", tmp_path / "single").code == 0
    [ours], [theirs] = list(out.rglob("results.json")), list((tmp_path / "single").rglob("results.json"))
    assert ours.read_bytes() == theirs.read_bytes()


def test_flags_of_the_run_are_checked_before_anything_is_written(cli: Cli, flags: list[str], tmp_path: Path):
    for wrong, said in (("--tasks=asqq", "asqq"), ("--phase=generate", "set by the scripts"), ("--limit=0", "limit")):
        ran = cli("slurm", "--shards", "2", "--folder", tmp_path / "jobs", "--", *flags, wrong)
        assert (ran.code, said in ran.err) == (2, True), ran.err
    assert not (tmp_path / "jobs").exists()


def test_a_wrong_field_of_the_cluster_file_is_named(cli: Cli, flags: list[str], tmp_path: Path):
    settings = write(tmp_path / "c.yaml", "partitoin: gpu\n")
    ran = cli("slurm", "--shards", "2", "--cluster", settings, "--", *flags)
    assert ran.code == 1
    assert "partitoin" in ran.err
    assert "partition" in ran.err.replace("partitoin", "")


def test_a_folder_whose_name_would_be_a_command_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "a\ntouch planted\n#"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(UsageError, match="line break"):
        slurm_scripts(["--model", "m"], Path("runs"), Cluster(), 2, Path("slurm"))
