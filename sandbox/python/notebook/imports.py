"""Changes modules when code imports them, so that what it does not use costs nothing."""

import sys


class AfterImport:
    """Calls a function with each of some modules, right after it was imported for the first time."""

    def __init__(self):
        self.actions = {}
        self.searching = False
        sys.meta_path.insert(0, self)

    def add(self, name, action):
        self.actions[name] = action

    def find_spec(self, name, path=None, target=None):
        action = self.actions.get(name)
        if action is None or self.searching:
            return None
        from importlib.util import find_spec

        self.searching = True
        try:
            spec = find_spec(name)
        finally:
            self.searching = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                action(module)

            spec.loader.exec_module = exec_module
        return spec
