"""What Python and its modules are set to, beside variables: random states, options, filters.

A setting has a name that is not an identifier, so it can lie among variables and is named like one when it is lost.
"""

import importlib
import pickle
import sys


def random_state(numpy_random):
    # The legacy state, of `numpy.random.seed` and its functions; a Generator is a variable.
    return numpy_random.get_state()


def pandas_options(pandas):
    config = sys.modules["pandas._config.config"]
    options = {}
    for name, option in config._registered_options.items():
        root, leaf = config._get_root(name)
        if root[leaf] != option.defval:
            options[name] = root[leaf]
    return options


def set_pandas_options(pandas, options):
    for name, value in options.items():
        pandas.set_option(name, value)


def rc_params(matplotlib):
    # As plain dicts: asking rcParams for its backend would choose one.
    original = dict(dict.items(matplotlib.rcParamsOrig))
    now = dict.items(matplotlib.rcParams)
    return {name: value for name, value in now if name != "backend" and value != original.get(name)}


def filters(warnings):
    return [
        (action, getattr(message, "pattern", message) or "", category, getattr(module, "pattern", module) or "", line)
        for action, message, category, module, line in warnings.filters
    ]


def set_filters(warnings, rows):
    warnings.resetwarnings()
    for action, message, category, module, line in rows:
        warnings.filterwarnings(action, message, category, module, line, append=True)


def log_levels(logging):
    loggers = logging.root.manager.loggerDict.items()
    levels = {name: logger.level for name, logger in loggers if getattr(logger, "level", 0) != logging.NOTSET}
    handlers = [
        (handler.level, getattr(handler.formatter, "_fmt", None), getattr(handler.formatter, "datefmt", None))
        for handler in logging.root.handlers
        if type(handler) is logging.StreamHandler
    ]
    plain = logging.root.level == logging.WARNING and not levels and not handlers
    return None if plain else {"root": logging.root.level, "levels": levels, "handlers": handlers}


def set_log_levels(logging, saved):
    logging.root.setLevel(saved["root"])
    for name, level in saved["levels"].items():
        logging.getLogger(name).setLevel(level)
    for level, form, dates in saved["handlers"]:
        handler = logging.StreamHandler()
        handler.setLevel(level)
        handler.setFormatter(logging.Formatter(form, dates))
        logging.root.addHandler(handler)


# Name: module, how to read it, how to write it. None: it is as the module begins.
SETTINGS = {
    "the state of random": ("random", lambda m: m.getstate(), lambda m, v: m.setstate(v)),
    "the random state of numpy": ("numpy.random", random_state, lambda m, v: m.set_state(v)),
    "the print options of numpy": ("numpy", lambda m: m.get_printoptions(), lambda m, v: m.set_printoptions(**v)),
    "the error handling of numpy": ("numpy", lambda m: m.geterr(), lambda m, v: m.seterr(**v)),
    "the options of pandas": ("pandas", pandas_options, set_pandas_options),
    "the settings of matplotlib": ("matplotlib", rc_params, lambda m, v: m.rcParams.update(v)),
    "the settings of sklearn": ("sklearn", lambda m: m.get_config(), lambda m, v: m.set_config(**v)),
    "the decimal context": ("decimal", lambda m: m.getcontext().copy(), lambda m, v: m.setcontext(v)),
    "the precision of mpmath": ("mpmath", lambda m: m.mp.prec, lambda m, v: setattr(m.mp, "prec", v)),
    "the field limit of csv": ("csv", lambda m: m.field_size_limit(), lambda m, v: m.field_size_limit(v)),
    "the filters of warnings": ("warnings", filters, set_filters),
    "the levels of logging": ("logging", log_levels, set_log_levels),
}


class Settings:
    """Those that differ from what a kernel has before its first cell."""

    def __init__(self):
        self.known = {}
        self.note()

    def note(self):
        """Takes what is set now for what every kernel begins with."""
        self.known = {name: printed(value) for name, value in self._read().items()}

    def changed(self):
        return {name: value for name, value in self._read().items() if printed(value) != self.known.get(name)}

    def restore(self, values):
        """Takes the settings out of `values`; returns the names of those that could not be set."""
        failed = []
        for name in SETTINGS.keys() & values.keys():
            value, (module, _, write) = values.pop(name), SETTINGS[name]
            try:
                write(importlib.import_module(module), value)
            except Exception:
                failed.append(name)
        return failed

    def _read(self):
        found = {}
        for name, (module, read, _) in SETTINGS.items():
            if module in sys.modules:
                try:
                    found[name] = read(sys.modules[module])
                except Exception:
                    pass  # another version of the module, or one that is being imported
        return {name: value for name, value in found.items() if value is not None}


def printed(value):
    """Something that is equal for equal values; False where that cannot be told."""
    try:
        return pickle.dumps(value)
    except Exception:
        return False
