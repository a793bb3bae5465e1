# What a kernel of the build executes first; see kernel_pictures.py.
import os as _os
import sys as _sys

_sys.path.append(_os.path.dirname(_os.environ["PYTHONSTARTUP"]))
import kernel_pictures as _pictures

_pictures.install()
_sys.path.pop()
del _os, _sys, _pictures
