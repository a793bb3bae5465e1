"""What tests share.  They can run as if numba were not installed: SMNN_WITHOUT_NUMBA=1 pytest …"""

import os
import sys

if os.environ.get("SMNN_WITHOUT_NUMBA"):
    sys.modules["numba"] = sys.modules["llvmlite"] = None
