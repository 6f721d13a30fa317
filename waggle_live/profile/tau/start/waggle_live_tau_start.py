"""What ``tau_python`` runs: the launcher, by its file, so that the program's path stays."""

import os
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_spec: Any = spec_from_file_location(
    "waggle_live_tau_launcher", os.path.join(os.path.dirname(_HERE), "launcher.py")
)
_launcher: Any = module_from_spec(_spec)
_spec.loader.exec_module(_launcher)
_launcher.main()
