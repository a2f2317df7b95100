"""The generated code is the one that the proto file gives."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WIRE = Path("app/ledger/wire")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory into which the proto file was compiled afresh, as ``make proto`` does."""
    pytest.importorskip("grpc_tools")
    target = tmp_path_factory.mktemp("proto")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{WIRE}=proto",
            f"--python_out={target}",
            f"--pyi_out={target}",
            f"--grpc_python_out={target}",
            f"{WIRE}/accounting_ledger.proto",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return target


@pytest.mark.parametrize("ending", ["_pb2.py", "_pb2.pyi", "_pb2_grpc.py"])
def test_the_committed_code_is_current(generated: Path, ending: str) -> None:
    name = WIRE / f"accounting_ledger{ending}"

    assert (ROOT / name).read_text() == (generated / name).read_text(), "run `make proto`"
