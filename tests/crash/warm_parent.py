"""Run as a process: imports everything once, then forks the command as often as it is asked.

It reads one JSON request per line and answers each with one JSON line. A child is a whole process
of the command: it can be killed, and nothing of it is left. Only imports happen before the fork;
no thread pool has been started yet.
"""

import importlib
import json
import os
import resource
import sys
import time
from functools import reduce
from pathlib import Path
from typing import Any

# Imported here so that no child is killed in its imports.
import descend.tasks.classify
import descend.tasks.regress
import descend.workflow.evaluate
import descend.workflow.predict
import descend.workflow.resume
from descend.catalog import Catalog
from descend.cli import _app, _progress
from descend.training import plan
from descend.workflow.recipe import CATALOGS

WARM = (descend.workflow.resume, descend.workflow.evaluate, descend.workflow.predict, _progress)


plan.TIMED_SECONDS = 0.05  # for the forecast alone, as all plans are given


def main() -> None:
    for catalog in (*CATALOGS.values(), Catalog("descend.data.readers", "reader")):
        for name in catalog.names:
            catalog.load(name)
    print(json.dumps({"ready": os.getpid()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
    os._exit(0)  # nothing to tidy up, and torch takes seconds to do so


def answer(request: dict[str, Any]) -> dict[str, Any]:
    if "start" in request:
        return {"pid": start(**request["start"])}
    pid, status = os.waitpid(request["ended"], 0 if request["wait"] else os.WNOHANG)
    return {"code": os.waitstatus_to_exitcode(status) if pid else None}


def start(
    arguments: list[str],
    output: str,
    cwd: str,
    pause: dict[str, Any] | None,
    file_limit: int | None,
) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.chdir(cwd)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(file, 1)
        os.dup2(file, 2)
        if pause is not None:
            pause_at(**pause)
        if file_limit is not None:
            limit_files(file_limit)
        sys.argv = ["descend", *arguments]
        _app.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # the parent's own cleaning up must not run here


def limit_files(size: int) -> None:
    """No file grows beyond this many bytes: writing more fails as it does on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def pause_at(place: str, marker: str, call: int = 1, after: bool = False) -> None:
    """Stand still at the n-th call of "module:name" or "module:Class.name".

    A marker file tells that it happened; the process goes on when that file is removed.
    """
    module_name, _, names = place.partition(":")
    *owners, name = names.split(".")
    owner = reduce(getattr, owners, importlib.import_module(module_name))
    function = getattr(owner, name)
    calls = 0

    def paused(*values: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            stand_still(marker)
        result = function(*values, **named)
        if calls == call and after:
            stand_still(marker)
        return result

    setattr(owner, name, paused)


def stand_still(marker: str) -> None:
    Path(marker).touch()
    while Path(marker).exists():
        time.sleep(0.01)


if __name__ == "__main__":
    main()
