"""Runs the checks of checks.py, which are written for AsyncOpenAI, through one openai client.

`python scenario.py sync` runs the same text with its `async` and `await` taken out, so that both clients are held to the
same checks.
"""

import re
import sys
import warnings
from pathlib import Path

from report import run_checks

warnings.simplefilter("ignore", DeprecationWarning)
path = Path(__file__).with_name("checks.py")
source = path.read_text()
if sys.argv[1] == "sync":
    source = re.sub(r"\b(async|await) ", "", source)
    source = re.sub(r"\bAsync(AzureOpenAI|OpenAI|AssistantEventHandler)\b", r"\1", source)
module = {"__name__": "checks"}
exec(compile(source, str(path), "exec"), module)
run_checks(module)
