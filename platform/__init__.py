"""The standard library's ``platform`` module, made a package so that ``platform.search`` can live in it.

Every ``python -m …`` started in the repository's root finds this folder before the standard library. So
this file runs the standard library's own ``platform.py`` in its own namespace: it *is* that module, with
a ``__path__`` added by virtue of being a package. It imports nothing else. See "The name" in
docs/development.md.
"""


def _run_standard_module() -> None:
    import os
    import sysconfig

    source = os.path.join(sysconfig.get_paths()["stdlib"], "platform.py")
    with open(source, "rb") as file:
        code = compile(file.read(), source, "exec")
    exec(code, globals())


_run_standard_module()
del _run_standard_module
