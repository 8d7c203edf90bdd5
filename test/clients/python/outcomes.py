"""A plugin of pytest: writes the outcome of each test to a file, one JSON line each."""

import json
import os


def pytest_runtest_logreport(report):
    if report.when != "call" and report.passed:
        return
    reason = str(
        getattr(report.longrepr, "reprcrash", None) and report.longrepr.reprcrash.message or report.longrepr or ""
    )
    with open(os.environ["OUTCOMES_FILE"], "a") as file:
        file.write(
            json.dumps(
                {
                    "test": report.nodeid.removeprefix("tests/api_resources/"),
                    "outcome": report.outcome,
                    "reason": reason,
                }
            )
            + "\n"
        )
