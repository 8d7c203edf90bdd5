"""The event loop of a session: its tasks go on whenever a cell awaits.

While a cell runs the loop counts as running, as in a notebook, so `asyncio.create_task` works everywhere. `asyncio.run`
works too: meanwhile this loop does not count. asyncio is not imported before code does.
"""

import contextvars
import functools
import sys

# Steps that tasks get at the end of a cell: enough to begin.
STEPS = 3


class Loop:
    def __init__(self, imports):
        self.loop = None
        self.in_cell = False
        imports.add("asyncio", self._patch)

    def begin(self):
        self.in_cell = True
        if "asyncio" in sys.modules:
            self._count(True)

    def end(self):
        self.in_cell = False
        if self.loop is not None:
            self._count(False)

    def run(self, coroutine):
        import asyncio

        loop = self._open()
        self._count(False)
        try:
            return in_context(loop.run_until_complete, coroutine)
        finally:
            asyncio.events._set_running_loop(loop)

    def settle(self):
        """Lets tasks begin that the cell made."""
        if self.loop is None or self.loop.is_closed():
            return
        import asyncio

        if asyncio.all_tasks(self.loop):
            for _ in range(STEPS):
                self.run(asyncio.sleep(0))

    def discard(self):
        """The loop was interrupted at an arbitrary point: it is not to be trusted again."""
        if self.loop is not None:
            import asyncio

            for task in asyncio.all_tasks(self.loop):
                task._log_destroy_pending = False
        self.loop = None

    def _open(self):
        import asyncio

        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
        return self.loop

    def _count(self, running):
        events = sys.modules.get("asyncio.events")
        if events is not None:
            events._set_running_loop(self._open() if running else None)

    def _patch(self, asyncio):
        asyncio.run = asyncio.runners.run = self._aside(asyncio.run)
        owners = [(asyncio.base_events.BaseEventLoop, "run_until_complete")]
        owners += [(asyncio.base_events.BaseEventLoop, "run_forever")]
        if hasattr(asyncio, "Runner"):
            owners.append((asyncio.Runner, "run"))
        for owner, name in owners:
            setattr(owner, name, self._aside(getattr(owner, name)))
        if self.in_cell:
            self._count(True)

    def _aside(self, function):
        import asyncio

        # From Python 3.12 on a thread has one current task, whatever the loop.
        swap = getattr(asyncio.tasks, "_swap_current_task", None)

        @functools.wraps(function)
        def call(*arguments, **options):
            running = asyncio.events._get_running_loop()
            if running is None or running is not self.loop or arguments[:1] == (running,) and running.is_running():
                return function(*arguments, **options)
            asyncio.events._set_running_loop(None)
            task = swap(running, None) if swap else None
            try:
                return function(*arguments, **options)
            finally:
                asyncio.events._set_running_loop(running)
                if swap:
                    swap(running, task)

        return call


def in_context(run, coroutine):
    """Runs a coroutine, whose task has a copy of the context, and keeps what it sets."""
    contexts = []

    async def within():
        try:
            return await coroutine
        finally:
            contexts.append(contextvars.copy_context())

    try:
        return run(within())
    finally:
        for context in contexts:
            adopt(context)


def adopt(context):
    """Sets what context variables are in another context, such as that of a task: they are the session's."""
    for variable, value in context.items():
        if variable.get(None) is not value:
            variable.set(value)
