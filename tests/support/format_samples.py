"""One small good file of every format, and a contract that reads it: what bad files are made from.

A new format gets an entry in ``SAMPLES``: a text, or what its own writer left in ``tests/datasets/formats/files`` (a
folder for a format of folders). ``test_bad_files.py`` and ``reproductions/fuzz_formats.py`` then try it like the rest.
"""

from __future__ import annotations

import importlib.util
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from telic.contract import TaskContract
from telic.datasets.sources.event_format import event_columns, event_pieces
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.datasets.sources.pieces import whole_table

__all__ = ["SAMPLES", "contract_for", "missing_package", "write_sample"]

FILES = Path(__file__).parent.parent / "datasets" / "formats" / "files"

AT = "2026-03-01T10:0{i}:00Z"

AWS_CUR = """bill_bill_type,line_item_line_item_type,line_item_product_code,line_item_resource_id,\
line_item_unblended_cost,line_item_usage_end_date,line_item_usage_start_date,product,resource_tags
Anniversary,Usage,AmazonEC2,i-1,0.096,2026-03-01T11:00:00.000Z,2026-03-01T10:00:00.000Z,"{""size"":""large""}",
Anniversary,Refund,AmazonEC2,i-1,-0.096,2026-03-01T12:00:00.000Z,2026-03-01T11:00:00.000Z,"{""size"":""small""}",
"""

FOCUS = """BilledCost,BillingCurrency,ChargeCategory,ChargeClass,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,\
ResourceId,ServiceName,Tags
1.0,USD,Usage,,2026-03-01T11:00:00Z,2026-03-01T10:00:00Z,1.0,r1,Compute,"{""team"":""shop""}"
2.5,USD,Usage,Correction,2026-03-01T12:00:00Z,2026-03-01T11:00:00Z,2.5,r1,Storage,"{""team"":""shop""}"
"""

SACCT = """JobID|User|Partition|Submit|Start|End|Elapsed|State|ExitCode
101|ana|short|2026-03-01T10:00:00|2026-03-01T10:05:00|2026-03-01T10:06:30|00:01:30|COMPLETED|0:0
102|bo|long|2026-03-01T10:10:00|Unknown|Unknown|1-00:00:00|CANCELLED by 1000|0:15
"""

SERVICENOW = """number,incident_state,active,reopen_count,sys_mod_count,priority,assignment_group,assigned_to,\
sys_updated_at,sys_updated_by
INC1,New,TRUE,0,0,3 - Moderate,db,?,01-03-2026 10:00,ana
INC1,Active,TRUE,0,1,3 - Moderate,net,?,01-03-2026 10:01,bo
INC1,Resolved,TRUE,0,2,3 - Moderate,net,cy,01-03-2026 10:02,cy
INC1,Closed,FALSE,0,3,3 - Moderate,net,cy,06-03-2026 10:02,system
"""

SWF = """; Version: 2.2
; UnixStartTime: 1700000000
1 0 10 100 4 95.5 2048 4 600 -1 1 3 1 7 1 -1 -1 -1
2 60 5 50 8 40.0 1024 8 1200 4096 0 3 1 7 0 -1 -1 -1
"""


def _sysmon() -> str:
    event = (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID><Level>4</Level>"
        "<TimeCreated SystemTime='{at}'/><EventRecordID>4{i}</EventRecordID><Computer>pc1</Computer></System>"
        "<EventData><Data Name='Image'>C:\\{i}.exe</Data><Data Name='ProcessId'>7</Data></EventData></Event>\n"
    )
    inside = "".join(event.format(at=AT.format(i=i), i=i) for i in range(2))
    return f"<?xml version='1.0' encoding='utf-8'?>\n<Events>\n{inside}</Events>\n"


def _lines(one: Callable[[int], Any]) -> str:
    return "".join(json.dumps(one(i)) + "\n" for i in range(3))


def _alert(i: int) -> Any:
    labels = {"alertname": "HighLoad", "pod": f"web-{i}"}
    alert = {
        "status": "firing",
        "labels": labels,
        "startsAt": AT.format(i=i),
        "endsAt": None,
        "fingerprint": f"f{i}",
    }
    return {
        "version": "4",
        "status": "firing",
        "receiver": "log",
        "groupLabels": {"a": "b"},
        "alerts": [alert],
    }


def _issue(i: int) -> Any:
    items = [
        {"field": "status", "fromString": "Open", "toString": "Done"},
        {"field": "resolution", "to": "1"},
    ]
    history = {
        "id": "1",
        "author": {"accountId": "a"},
        "created": "2026-03-01T10:09:00.000+0100",
        "items": items,
    }
    fields = {"created": AT.format(i=i), "issuetype": {"name": "Incident"}, "status": {"name": "Done"}}
    return {"key": f"OPS-{i}", "fields": fields, "changelog": {"total": 1, "histories": [history]}}


def _audit(i: int) -> Any:
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "auditID": f"id-{i}",
        "stage": "ResponseComplete",
        "verb": "patch",
        "user": {"username": "ana", "groups": ["ops"]},
        "sourceIPs": ["192.0.2.7"],
        "objectRef": {"resource": "deployments", "namespace": "shop", "name": "web"},
        "responseStatus": {"code": 200 + i},
        "stageTimestamp": AT.format(i=i),
    }


def _event(i: int) -> Any:
    return {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {"name": f"web.{i}", "namespace": "shop", "uid": f"u{i}", "resourceVersion": str(i)},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-1"},
        "reason": "BackOff",
        "message": "again",
        "source": {"component": "kubelet"},
        "lastTimestamp": AT.format(i=i),
        "count": i + 1,
        "type": "Warning",
        "series": None,
    }


def _opsgenie(i: int) -> Any:
    log = {"log": "Alert acknowledged via web", "type": "system", "owner": "ana", "createdAt": AT.format(i=i)}
    return {"alert": {"data": {"id": f"a-{i}", "message": "load"}}, "logs": {"data": [log], "paging": {}}}


def _pagerduty(i: int) -> Any:
    entry = {
        "id": f"R{i}",
        "type": "acknowledge_log_entry",
        "created_at": AT.format(i=i),
        "agent": {"id": "U1", "type": "user_reference", "summary": "Ana"},
        "incident": {"id": "P1", "type": "incident_reference"},
    }
    return {
        "log_entries": [entry],
        "incidents": [{"id": "P1", "type": "incident", "title": "load"}],
        "more": False,
    }


def _range(i: int) -> Any:
    values = [[1_772_359_200 + 60 * (i + k), text] for k, text in enumerate(("1.5", "NaN", "2"))]
    series = {"metric": {"__name__": "load", "pod": f"web-{i}"}, "values": values}
    return {"status": "success", "data": {"resultType": "matrix", "result": [series]}}


def _ocsf(i: int) -> Any:
    return {
        "metadata": {"version": "1.3.0", "product": {"name": "idp"}},
        "time": 1772355600123 + i,
        "class_uid": 3002,
        "category_uid": 3,
        "activity_id": 1,
        "type_uid": 300201,
        "severity_id": 1,
        "actor": {"user": {"name": "ana"}},
    }


CLOUDFRONT = """#Version: 1.0
#Fields: date time sc-bytes c-ip cs-method sc-status x-edge-result-type x-edge-request-id time-taken
2026-03-01\t10:00:00\t100\t192.0.2.1\tGET\t200\tHit\tid-1==\t0.002
2026-03-01\t10:00:01\t100\t192.0.2.1\tPOST\t404\tMiss\tid-2==\t0.002
"""

VPC_FLOW = """version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action \
log-status
2 123456789012 eni-1 192.0.2.1 192.0.2.2 443 5000 6 10 840 1772359200 1772359260 ACCEPT OK
2 123456789012 eni-1 192.0.2.1 192.0.2.2 443 22 6 10 840 1772359260 1772359320 REJECT OK
"""

TRANSCRIPT = """# 2026-03-01
10:05 ana: the pool is full, @bo can you look?
10:06 <bo> on it
10:07 PagerDuty opened the incident
[2026-03-01T10:08:00+01:00] ana: I ran
```
$ kubectl get pods
```
"""

LOG = "".join(f"2026-03-01T10:00:0{i}Z connected to db{i} in {9 - i} ms\n" for i in range(4))


def _focus_parquet(path: Path) -> None:
    with io.BytesIO(FOCUS.encode()) as text:
        table = pacsv.read_csv(text)
    pq.write_table(table.set_column(3, "ChargeClass", pa.array([None, "Correction"])), path)


def _d4rl(path: Path) -> None:
    import h5py

    steps = np.arange(6)
    with h5py.File(path, "w") as file:
        file["observations"] = np.stack([steps, -steps], axis=1).astype(np.float32)
        file["actions"] = (steps % 2)[:, None].astype(np.float32)
        file["rewards"] = steps.astype(np.float32)
        file["terminals"], file["timeouts"] = steps == 2, steps == 5


def _robomimic(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["total"] = 6
        data.attrs["env_args"] = json.dumps({"env_name": "Lift", "type": 1, "env_kwargs": {}})
        for name in ("demo_0", "demo_1"):
            demo = data.create_group(name)
            demo.attrs["num_samples"] = 3
            demo["actions"], demo["dones"] = np.zeros((3, 2)), np.array([0, 0, 1])
            demo["rewards"], demo["states"] = np.zeros(3), np.zeros((3, 1))
            demo["obs/eef_pos"] = np.ones((3, 3), np.float32)


def _npz(path: Path) -> None:
    ends = np.array([0, 0, 1, 0, 0], dtype=bool)
    arrays = {"obs": np.arange(10.0).reshape(5, 2), "acts": np.array([0, 1, 1, 0, 1]), "rews": np.ones(5)}
    np.savez(path, terminated=ends, truncated=ends[::-1], ep_id=np.array([0, 0, 0, 1, 1]), **arrays)


SAMPLES: dict[str, tuple[str, Path | str | Callable[[Path], None]]] = {
    "access-log": ("sample.log", FILES / "nginx.log"),
    "alertmanager": ("sample.jsonl", _lines(_alert)),
    "asciinema": ("sample.cast", FILES / "asciinema.cast"),
    "aws-cur": ("sample.csv", AWS_CUR),
    "cloudfront": ("sample.log", CLOUDFRONT),
    "d4rl": ("sample.hdf5", _d4rl),
    "ecs": ("sample.jsonl", FILES / "ecs_logging.jsonl"),
    "focus": ("sample.csv", FOCUS),
    "focus:parquet": ("sample.parquet", _focus_parquet),
    "jira-service-management": ("sample.jsonl", _lines(_issue)),
    "junit": ("sample.xml", FILES / "pytest.xml"),
    "kubernetes-audit": ("sample.jsonl", _lines(_audit)),
    "kubernetes-events": ("sample.jsonl", _lines(_event)),
    "lerobot": ("sample", FILES / "lerobot_v30"),
    "log-templates": ("sample.log", LOG),
    "minari": ("sample", FILES / "minari_hdf5"),
    "minari:arrow": ("sample", FILES / "minari_arrow"),
    "npz-episodes": ("sample.npz", _npz),
    "ocsf": ("sample.jsonl", _lines(_ocsf)),
    "opsgenie": ("sample.jsonl", _lines(_opsgenie)),
    "otlp-logs": ("sample.jsonl", FILES / "otlp-logs.jsonl"),
    "otlp-traces": ("sample.jsonl", FILES / "otlp-traces.jsonl"),
    "pagerduty": ("sample.jsonl", _lines(_pagerduty)),
    "prometheus-range": ("sample.jsonl", _lines(_range)),
    "robomimic": ("sample.hdf5", _robomimic),
    "servicenow": ("sample.csv", SERVICENOW),
    "slurm-sacct": ("sample.txt", SACCT),
    "swf": ("sample.swf", SWF),
    "sysmon": ("sample.xml", _sysmon()),
    "transcript": ("sample.txt", TRANSCRIPT),
    "vpc-flow": ("sample.log", VPC_FLOW),
    "xes": ("sample.xes", FILES / "pm4py.xes"),
}
"""Format, or ``format:variant``, to a file's name and what is in it: a text, what its own writer made, or how."""

NEEDS = {"d4rl": "h5py", "log-templates": "drain3", "minari": "h5py", "robomimic": "h5py"}
"""Formats that are read with an optional package, and which."""


def missing_package(sample: str) -> str:
    """The package that reading a sample needs and that is not installed, or nothing."""
    package = NEEDS.get(sample.partition(":")[0], "telic")
    return "" if importlib.util.find_spec(package) else package


def write_sample(sample: str, folder: Path) -> Path:
    """The sample of a format (a key of ``SAMPLES``), written into a folder."""
    called, content = SAMPLES[sample]
    path = folder / called
    if isinstance(content, str):
        path.write_text(content)
    elif not isinstance(content, Path):
        content(path)
    elif content.is_dir():
        shutil.copytree(content, path)
    else:
        shutil.copyfile(content, path)
    return path


def contract_for(sample: str, path: Path) -> TaskContract:
    """A contract that reads the sample: the action is its full column with the fewest values, another is observed."""
    name = sample.partition(":")[0]
    form, source = event_format(name), source_file(path, name)
    table = whole_table(event_pieces(source, form, event_columns(source, form)))
    texts = {
        column: sorted({str(value) for value in table[column].to_pylist()})
        for column in table.column_names
        if table[column].null_count == 0
        and (pa.types.is_string(table[column].type) or pa.types.is_integer(table[column].type))
    }
    seen, action = sorted(texts, key=lambda column: (-len(texts[column]), column))[:: len(texts) - 1]
    data = {"format": name, "duplicates": "keep"}
    is_dated = all(re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T", text) for text in texts.get("time", [""]))
    return TaskContract.from_mapping(
        {
            "identity": {"task": "sample"},
            "observations": [{"name": "seen", "column": seen, "type": "category", "missing": "label"}],
            "actions": {"column": action, "values": [*texts[action], "other"]},
            "data": data | ({"time": "time"} if is_dated else {}),
        }
    )
