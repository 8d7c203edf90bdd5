"""Runs checks beside each other and prints a line for each: `ok NAME`, or `not ok NAME: ` and the reason as JSON."""

import asyncio
import inspect
import json
import traceback
from concurrent.futures import ThreadPoolExecutor


async def run(name, check):
    """A check fails by raising. One that is not a coroutine has a thread of its own."""
    try:
        await (check() if inspect.iscoroutinefunction(check) else asyncio.to_thread(check))
    except BaseException as error:
        print(f"not ok {name}: {json.dumps(''.join(traceback.format_exception(error)))}", flush=True)
    else:
        print(f"ok {name}", flush=True)


async def run_all(checks):
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(len(checks)))
    await asyncio.gather(*(run(name, check) for name, check in checks.items()))


def run_checks(module):
    """Every function of `module`, a dictionary, whose name begins with `check_`."""
    checks = {name.removeprefix("check_"): check for name, check in module.items() if name.startswith("check_")}
    asyncio.run(run_all(checks))


def equal(actual, expected):
    assert actual == expected, f"{actual!r} instead of {expected!r}"
