"""Runs every check of checks.py through one openai client and prints a line for each: `ok NAME`, or `not ok NAME: ` and the
reason as JSON.

checks.py is written for AsyncOpenAI. `python scenario.py sync` runs the same text with its `async` and `await` taken out,
so that both clients are held to the same checks.
"""

import asyncio
import json
import re
import sys
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

warnings.simplefilter("ignore", DeprecationWarning)
mode = sys.argv[1]
path = Path(__file__).with_name("checks.py")
source = path.read_text()
if mode == "sync":
    source = re.sub(r"\b(async|await) ", "", source)
    source = re.sub(r"\bAsync(AzureOpenAI|OpenAI|AssistantEventHandler)\b", r"\1", source)
module = {"__name__": "checks"}
exec(compile(source, str(path), "exec"), module)
checks = {name.removeprefix("check_"): check for name, check in module.items() if name.startswith("check_")}


def report(name, error):
    reason = f": {json.dumps(''.join(traceback.format_exception(error)))}" if error else ""
    print(f"{'not ' if error else ''}ok {name}{reason}", flush=True)


def run_sync(name):
    try:
        checks[name]()
    except BaseException as error:
        report(name, error)
    else:
        report(name, None)


async def run_async(name):
    try:
        await checks[name]()
    except BaseException as error:
        report(name, error)
    else:
        report(name, None)


async def main():
    await asyncio.gather(*map(run_async, checks))


if mode == "sync":
    with ThreadPoolExecutor(len(checks)) as pool:
        list(pool.map(run_sync, checks))
else:
    asyncio.run(main())
