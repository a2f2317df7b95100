"""The generated code is the one that the proto file gives, and the wire is the contract's."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.ledger.wire import accounting_ledger_pb2 as wire
from tests.unit.ledger.contract import MESSAGES, RPCS, TRANSACTION_TYPES

ROOT = Path(__file__).parents[4]
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


def test_the_service_is_the_contracts() -> None:
    service = wire.DESCRIPTOR.services_by_name["AccountingLedgerService"]
    offered = [
        f"{each.name}: {each.input_type.name} → {'stream ' * each.server_streaming}{each.output_type.name}"
        for each in service.methods
    ]

    assert service.full_name == "billie.ledger.v1.AccountingLedgerService"
    assert offered == RPCS.strip().splitlines()
    assert not any(each.client_streaming for each in service.methods)


def test_the_types_of_transactions_are_the_contracts() -> None:
    values = wire.TransactionType.DESCRIPTOR.values

    assert ", ".join(f"{each.number} {each.name}" for each in values) == TRANSACTION_TYPES


def test_the_contract_defines_each_message() -> None:
    assert set(MESSAGES) == set(wire.DESCRIPTOR.message_types_by_name)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_has_the_contracts_fields(name: str) -> None:
    fields = wire.DESCRIPTOR.message_types_by_name[name].fields

    assert ", ".join(map(_as_the_contract_writes, fields)) == MESSAGES[name]


_SCALARS = {"TYPE_STRING": "", "TYPE_INT32": " int32", "TYPE_BOOL": " bool"}


def _as_the_contract_writes(field: Any) -> str:
    kinds = {getattr(field, kind): words for kind, words in _SCALARS.items()}
    optional = "?" if field.has_presence and field.message_type is None else ""
    return f"{field.number}{optional} {field.name}{kinds.get(field.type) or _type_of(field)}"


def _type_of(field: Any) -> str:
    if field.enum_type is not None:
        return f" {field.enum_type.name}"
    if field.message_type is None:
        return ""
    if field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        assert key.type == value.type == field.TYPE_STRING
        return " map<string,string>"
    kind = {"google.protobuf.Timestamp": "ts"}.get(field.message_type.full_name, field.message_type.name)
    return f" {'repeated ' * field.is_repeated}{kind}"
