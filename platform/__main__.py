"""``python -m platform`` prints what the standard library's module prints."""

import os
import runpy
import sysconfig

runpy.run_path(os.path.join(sysconfig.get_paths()["stdlib"], "platform.py"), run_name="__main__")
