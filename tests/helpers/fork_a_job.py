"""A stand-in for the Python that runs a job.

It asks the process of `forks.py` to run the job's script in a fork, and ends as that ends.

Called as `python -SE fork_a_job.py <socket> <script>`. It imports little, since that is the point.
"""

import array
import json
import os
import socket
import sys

_place, _script = sys.argv[1:]
with socket.socket(socket.AF_UNIX) as server:
    server.connect(_place)
    request = json.dumps(
        {"script": _script, "folder": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109 (pathlib costs an import)
    ).encode()
    streams = array.array("i", [0, 1, 2])
    server.sendmsg(
        [len(request).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)]
    )
    server.sendall(request)
    status = server.recv(1)
os._exit(status[0] if status else 1)
